ALTER TABLE credentials DROP COLUMN folded_hash;
