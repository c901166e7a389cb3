-- Two live secrets of which one is the other with its name in small letters would be one string to the hook.
ALTER TABLE credentials ADD COLUMN folded_hash bytea;
UPDATE credentials SET folded_hash = hash WHERE kind = 'userpass';
ALTER TABLE credentials ADD CONSTRAINT credentials_folded_hash_check CHECK (length(folded_hash) = 32);
CREATE UNIQUE INDEX credentials_live_folded_hash_unique ON credentials (folded_hash) WHERE revoked_at IS NULL;
COMMENT ON COLUMN credentials.folded_hash IS 'Keyed BLAKE3 of lower(name):password, of every secret with a colon, whatever its kind';
