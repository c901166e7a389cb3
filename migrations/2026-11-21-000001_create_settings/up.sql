-- What belongs to the installation as a whole.
CREATE TABLE settings (
    key text NOT NULL,
    value jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT settings_pkey PRIMARY KEY (key)
);
COMMENT ON TABLE settings IS 'One value a key, for the whole installation: the lease space, switches that admins set';
COMMENT ON COLUMN settings.key IS 'Dotted name, such as lease_space';
COMMENT ON COLUMN settings.value IS 'Its value';
COMMENT ON COLUMN settings.updated_at IS 'When it was last written';

CREATE TABLE key_fingerprints (
    purpose text NOT NULL,
    key_id int2 NOT NULL,
    fingerprint bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT key_fingerprints_pkey PRIMARY KEY (purpose, key_id),
    CONSTRAINT key_fingerprints_purpose_check CHECK (purpose IN ('pepper', 'connection_id', 'sealing', 'audit'))
);
COMMENT ON TABLE key_fingerprints IS 'Which keys this data was written with. A start with another key under a known id is refused instead of locking everyone out';
COMMENT ON COLUMN key_fingerprints.purpose IS 'What the key is for';
COMMENT ON COLUMN key_fingerprints.key_id IS 'The key''s number within its purpose; the highest mints';
COMMENT ON COLUMN key_fingerprints.fingerprint IS 'HMAC-SHA256(key, purpose)';
COMMENT ON COLUMN key_fingerprints.created_at IS 'When the key was first seen';

CREATE TABLE api_tokens (
    id uuid NOT NULL,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    allowed_cidrs cidr[] NOT NULL DEFAULT '{}',
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_secret_unique UNIQUE (secret_hash)
);
CREATE UNIQUE INDEX api_tokens_live_name_unique ON api_tokens (lower(name)) WHERE revoked_at IS NULL;
COMMENT ON TABLE api_tokens IS 'Secrets by which machines speak to the API; shown once, hashed at rest';
COMMENT ON COLUMN api_tokens.id IS 'UUIDv7';
COMMENT ON COLUMN api_tokens.name IS 'What it is for; unique among live tokens';
COMMENT ON COLUMN api_tokens.secret_hash IS 'SHA-256 of the whole token';
COMMENT ON COLUMN api_tokens.scopes IS 'What it may do: noun:read, noun:write, or *';
COMMENT ON COLUMN api_tokens.allowed_cidrs IS 'From where it may be used; empty: from anywhere';
COMMENT ON COLUMN api_tokens.created_by IS 'The principal that made it';
COMMENT ON COLUMN api_tokens.created_at IS 'When';
COMMENT ON COLUMN api_tokens.expires_at IS 'Not valid from here on; NULL: never';
COMMENT ON COLUMN api_tokens.last_used_at IS 'Last use, to the minute';
COMMENT ON COLUMN api_tokens.revoked_at IS 'Revoked; kept for the audit';
