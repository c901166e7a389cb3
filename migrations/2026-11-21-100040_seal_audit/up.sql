-- The audit as a chain: rows are written with their change, and sealed within a second into a table of their own.
ALTER TABLE audit ADD COLUMN user_no int8, ADD COLUMN personal bytea;
COMMENT ON COLUMN audit.user_no IS 'The user concerned';
COMMENT ON COLUMN audit.personal IS 'Personal details as JSON, sealed under that user''s own key: unreadable once the user is erased';
CREATE INDEX audit_user_idx ON audit (user_no, number) WHERE user_no IS NOT NULL;
CREATE INDEX audit_principal_idx ON audit (principal, number);

CREATE TABLE user_keys (
    user_no int8 NOT NULL,
    key_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT user_keys_pkey PRIMARY KEY (user_no),
    CONSTRAINT user_keys_user_fkey FOREIGN KEY (user_no) REFERENCES users (number)
);
COMMENT ON TABLE user_keys IS 'A key for the personal details of each user; deleting the row is what makes them unreadable';
COMMENT ON COLUMN user_keys.user_no IS 'The user';
COMMENT ON COLUMN user_keys.key_sealed IS '32 bytes in base 64, sealed';
COMMENT ON COLUMN user_keys.created_at IS 'When it was made';

CREATE TABLE audit_unsealed (
    number int8 NOT NULL,
    CONSTRAINT audit_unsealed_pkey PRIMARY KEY (number)
);
COMMENT ON TABLE audit_unsealed IS 'Audit rows that wait to be sealed; filled by a trigger in the transaction of each row';
COMMENT ON COLUMN audit_unsealed.number IS 'The audit row''s number';
INSERT INTO audit_unsealed SELECT number FROM audit;
CREATE FUNCTION queue_audit_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed SELECT number FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_queued AFTER INSERT ON audit REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION queue_audit_seal();

CREATE TABLE audit_seals (
    sequence int8 NOT NULL,
    audit_no int8 NOT NULL,
    key_id int2 NOT NULL,
    row_mac bytea NOT NULL,
    chain_mac bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT audit_seals_pkey PRIMARY KEY (sequence),
    CONSTRAINT audit_seals_audit_unique UNIQUE (audit_no),
    CONSTRAINT audit_seals_sequence_check CHECK (sequence > 0),
    CONSTRAINT audit_seals_mac_check CHECK (length(row_mac) = 32 AND length(chain_mac) = 32)
);
CREATE TRIGGER audit_seals_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
COMMENT ON TABLE audit_seals IS 'The chain over the audit: one writer, no gap, each link under a key that the database never holds';
COMMENT ON COLUMN audit_seals.sequence IS 'Its place in the chain, from 1, without a gap';
COMMENT ON COLUMN audit_seals.audit_no IS 'The row that it seals';
COMMENT ON COLUMN audit_seals.key_id IS 'The audit key of both MACs';
COMMENT ON COLUMN audit_seals.row_mac IS 'HMAC-SHA256 over the row';
COMMENT ON COLUMN audit_seals.chain_mac IS 'HMAC-SHA256 over the chain_mac before it, the sequence and row_mac';
COMMENT ON COLUMN audit_seals.sealed_at IS 'When';

ALTER TABLE key_fingerprints DROP CONSTRAINT key_fingerprints_purpose_check;
ALTER TABLE key_fingerprints ADD COLUMN retired_at timestamptz;
COMMENT ON COLUMN key_fingerprints.retired_at IS 'Taken out of the file because nothing referred to it any more; its number is not used again';
