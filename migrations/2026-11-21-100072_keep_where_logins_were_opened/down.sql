COMMENT ON COLUMN sessions.ended IS 'Why: logout, revoked, reuse, password, factor, suspended, deleted';
ALTER TABLE sessions DROP COLUMN opened_from;
