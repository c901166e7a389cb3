-- People who log in: by what they prove who they are, their logins, invitations, and links by which a password is set.
ALTER TABLE users ADD COLUMN email text;
CREATE UNIQUE INDEX users_email_unique ON users (lower(email)) WHERE email IS NOT NULL AND erased_at IS NULL;
COMMENT ON COLUMN users.email IS 'Where a lost password is mended; unique without regard to case';

CREATE TABLE factors (
    user_no int8 NOT NULL,
    password_hash text,
    password_set_at timestamptz,
    totp_sealed bytea,
    totp_since timestamptz,
    totp_step int8 NOT NULL DEFAULT 0,
    totp_pending_sealed bytea,
    totp_pending_since timestamptz,
    totp_failed_step int8 NOT NULL DEFAULT 0,
    totp_failed_in_step int2 NOT NULL DEFAULT 0,
    totp_failing_since timestamptz,
    totp_failed int2 NOT NULL DEFAULT 0,
    CONSTRAINT factors_pkey PRIMARY KEY (user_no),
    CONSTRAINT factors_user_fkey FOREIGN KEY (user_no) REFERENCES users (number),
    CONSTRAINT factors_password_check CHECK ((password_hash IS NULL) = (password_set_at IS NULL)),
    CONSTRAINT factors_totp_check CHECK ((totp_sealed IS NULL) = (totp_since IS NULL))
);
COMMENT ON TABLE factors IS 'By what a person proves who it is; no row: it cannot log in';
COMMENT ON COLUMN factors.user_no IS 'The person';
COMMENT ON COLUMN factors.password_hash IS 'argon2id, as PHC string with its parameters';
COMMENT ON COLUMN factors.password_set_at IS 'When it was last set';
COMMENT ON COLUMN factors.totp_sealed IS 'The seed of one-time codes, sealed; NULL: no second factor';
COMMENT ON COLUMN factors.totp_since IS 'When it was confirmed';
COMMENT ON COLUMN factors.totp_step IS 'The last step whose code was taken: no code is taken twice';
COMMENT ON COLUMN factors.totp_pending_sealed IS 'A seed that waits for its first code, sealed';
COMMENT ON COLUMN factors.totp_pending_since IS 'Since when it waits';
COMMENT ON COLUMN factors.totp_failed_step IS 'The step in which codes failed last';
COMMENT ON COLUMN factors.totp_failed_in_step IS 'How many failed in it';
COMMENT ON COLUMN factors.totp_failing_since IS 'Start of the present 15 minutes of failures';
COMMENT ON COLUMN factors.totp_failed IS 'How many failed in them';

CREATE TABLE recovery_codes (
    user_no int8 NOT NULL,
    hash bytea NOT NULL,
    used_at timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_no, hash),
    CONSTRAINT recovery_codes_user_fkey FOREIGN KEY (user_no) REFERENCES users (number)
);
COMMENT ON TABLE recovery_codes IS 'What stands for a one-time code when the device with the seed is lost; each once';
COMMENT ON COLUMN recovery_codes.user_no IS 'The person';
COMMENT ON COLUMN recovery_codes.hash IS 'SHA-256 of the code';
COMMENT ON COLUMN recovery_codes.used_at IS 'Taken, or replaced by newer ones';

CREATE TABLE sessions (
    id uuid NOT NULL,
    user_no int8 NOT NULL,
    kind text NOT NULL,
    cookie_hash bytea,
    created_at timestamptz NOT NULL,
    fresh_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    addr inet,
    user_agent text NOT NULL DEFAULT '',
    ended_at timestamptz,
    ended text,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_user_fkey FOREIGN KEY (user_no) REFERENCES users (number),
    CONSTRAINT sessions_kind_check CHECK (kind IN ('cookie', 'token')),
    CONSTRAINT sessions_cookie_check CHECK ((kind = 'cookie') = (cookie_hash IS NOT NULL)),
    CONSTRAINT sessions_ended_check CHECK ((ended_at IS NULL) = (ended IS NULL))
);
CREATE INDEX sessions_user_idx ON sessions (user_no, id);
CREATE INDEX sessions_expires_idx ON sessions (expires_at);
COMMENT ON TABLE sessions IS 'Logins of people';
COMMENT ON COLUMN sessions.id IS 'UUIDv7; stands in access tokens';
COMMENT ON COLUMN sessions.user_no IS 'Who';
COMMENT ON COLUMN sessions.kind IS 'cookie: of a browser; token: refreshed by its holder';
COMMENT ON COLUMN sessions.cookie_hash IS 'SHA-256 of the cookie''s secret';
COMMENT ON COLUMN sessions.created_at IS 'When it began';
COMMENT ON COLUMN sessions.fresh_at IS 'When the person last proved who it is';
COMMENT ON COLUMN sessions.used_at IS 'Last use, to the minute; idle too long it ends';
COMMENT ON COLUMN sessions.expires_at IS 'It ends then however much it is used';
COMMENT ON COLUMN sessions.addr IS 'From where it was last used';
COMMENT ON COLUMN sessions.user_agent IS 'What the client calls itself, cut to 256 characters';
COMMENT ON COLUMN sessions.ended_at IS 'Ended before its time';
COMMENT ON COLUMN sessions.ended IS 'Why: logout, revoked, reuse, password, factor, suspended, deleted';

CREATE TABLE refresh_tokens (
    hash bytea NOT NULL,
    session uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    used_at timestamptz,
    successor bytea,
    successor_sealed bytea,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT refresh_tokens_session_fkey FOREIGN KEY (session) REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session);
COMMENT ON TABLE refresh_tokens IS 'The chain of a login''s refresh tokens: a used one that comes again ends the login';
COMMENT ON COLUMN refresh_tokens.hash IS 'SHA-256 of the token';
COMMENT ON COLUMN refresh_tokens.session IS 'Its login';
COMMENT ON COLUMN refresh_tokens.issued_at IS 'When it was handed out';
COMMENT ON COLUMN refresh_tokens.used_at IS 'When it was exchanged';
COMMENT ON COLUMN refresh_tokens.successor IS 'The hash of what it was exchanged for';
COMMENT ON COLUMN refresh_tokens.successor_sealed IS 'The same, sealed, as long as it may be handed out again: the first answer may have been lost';

CREATE TABLE invites (
    id uuid NOT NULL,
    secret_hash bytea NOT NULL,
    email text,
    role text NOT NULL,
    quota int8,
    valid_for_seconds int8,
    note text NOT NULL DEFAULT '',
    created_by text NOT NULL,
    inviter_no int8,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by int8,
    revoked_at timestamptz,
    CONSTRAINT invites_pkey PRIMARY KEY (id),
    CONSTRAINT invites_secret_unique UNIQUE (secret_hash),
    CONSTRAINT invites_role_check CHECK (role IN ('user', 'readonly', 'admin', 'superadmin')),
    CONSTRAINT invites_quota_check CHECK (quota >= 0),
    CONSTRAINT invites_valid_for_check CHECK (valid_for_seconds > 0),
    CONSTRAINT invites_inviter_fkey FOREIGN KEY (inviter_no) REFERENCES users (number),
    CONSTRAINT invites_used_by_fkey FOREIGN KEY (used_by) REFERENCES users (number)
);
COMMENT ON TABLE invites IS 'Invitations to register, each for one person';
COMMENT ON COLUMN invites.id IS 'UUIDv7';
COMMENT ON COLUMN invites.secret_hash IS 'SHA-256 of what stands in the link';
COMMENT ON COLUMN invites.email IS 'For this address alone; NULL: for whoever has the link';
COMMENT ON COLUMN invites.role IS 'What the person becomes';
COMMENT ON COLUMN invites.quota IS 'Its quota in bytes; NULL: unlimited';
COMMENT ON COLUMN invites.valid_for_seconds IS 'How long its account is valid; NULL: for ever';
COMMENT ON COLUMN invites.note IS 'For admins';
COMMENT ON COLUMN invites.created_by IS 'The principal that invited';
COMMENT ON COLUMN invites.inviter_no IS 'The person that invited: what it may no longer give, the invitation gives no longer';
COMMENT ON COLUMN invites.created_at IS 'When';
COMMENT ON COLUMN invites.expires_at IS 'Not valid from here on';
COMMENT ON COLUMN invites.used_at IS 'When somebody registered by it';
COMMENT ON COLUMN invites.used_by IS 'Who';
COMMENT ON COLUMN invites.revoked_at IS 'Taken back';

CREATE TABLE password_links (
    secret_hash bytea NOT NULL,
    user_no int8 NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT password_links_pkey PRIMARY KEY (secret_hash),
    CONSTRAINT password_links_user_fkey FOREIGN KEY (user_no) REFERENCES users (number)
);
CREATE INDEX password_links_user_idx ON password_links (user_no);
COMMENT ON TABLE password_links IS 'Links by which a person sets a new password, each once';
COMMENT ON COLUMN password_links.secret_hash IS 'SHA-256 of what stands in the link';
COMMENT ON COLUMN password_links.user_no IS 'Whose password';
COMMENT ON COLUMN password_links.created_by IS 'The principal that made it, or system for one that was mailed';
COMMENT ON COLUMN password_links.created_at IS 'When';
COMMENT ON COLUMN password_links.expires_at IS 'Not valid from here on';
COMMENT ON COLUMN password_links.used_at IS 'Used, or voided by a newer one or a new password';

ALTER TABLE api_tokens ADD COLUMN owner_no int8;
ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_owner_fkey FOREIGN KEY (owner_no) REFERENCES users (number);
CREATE INDEX api_tokens_owner_idx ON api_tokens (owner_no) WHERE owner_no IS NOT NULL AND revoked_at IS NULL;
COMMENT ON COLUMN api_tokens.owner_no IS 'The person that made it: the token never does more than that person may, and ends with its password; NULL: made on the machine itself';

ALTER TABLE key_fingerprints DROP CONSTRAINT key_fingerprints_purpose_check;
ALTER TABLE key_fingerprints ADD CONSTRAINT key_fingerprints_purpose_check
    CHECK (purpose IN ('pepper', 'connection_id', 'sealing', 'audit', 'signing'));
