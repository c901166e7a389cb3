DELETE FROM key_fingerprints WHERE purpose = 'signing';
ALTER TABLE key_fingerprints DROP CONSTRAINT key_fingerprints_purpose_check;
ALTER TABLE key_fingerprints ADD CONSTRAINT key_fingerprints_purpose_check
    CHECK (purpose IN ('pepper', 'connection_id', 'sealing', 'audit'));
DROP INDEX api_tokens_owner_idx;
ALTER TABLE api_tokens DROP COLUMN owner_no;
DROP TABLE password_links;
DROP TABLE invites;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE recovery_codes;
DROP TABLE factors;
DROP INDEX users_email_unique;
ALTER TABLE users DROP COLUMN email;
