-- Accounts, their devices, and the credentials that clients send.
CREATE TABLE users (
    id uuid NOT NULL,
    number int8 GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    role text NOT NULL DEFAULT 'user',
    note text NOT NULL DEFAULT '',
    quota int8,
    quota_window text NOT NULL DEFAULT 'none',
    window_anchor timestamptz,
    window_started_at timestamptz NOT NULL,
    window_baseline int8 NOT NULL DEFAULT 0,
    used_total int8 NOT NULL DEFAULT 0,
    used int8 NOT NULL DEFAULT 0,
    warned_percent int2 NOT NULL DEFAULT 0,
    expires_at timestamptz,
    on_hold bool NOT NULL DEFAULT false,
    valid_for_seconds int8,
    activated_at timestamptz,
    device_limit int4,
    online_limit int4,
    suspended_at timestamptz,
    deleted_at timestamptz,
    erased_at timestamptz,
    version int8 NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_number_unique UNIQUE (number),
    CONSTRAINT users_role_check CHECK (role IN ('user', 'readonly', 'admin', 'superadmin')),
    CONSTRAINT users_window_check CHECK (quota_window IN ('none', 'day', 'week', 'month', 'rolling-30')),
    CONSTRAINT users_quota_check CHECK (quota >= 0),
    CONSTRAINT users_used_check CHECK (used_total >= 0 AND window_baseline >= 0 AND used >= 0),
    CONSTRAINT users_device_limit_check CHECK (device_limit >= 0),
    CONSTRAINT users_online_limit_check CHECK (online_limit >= 0),
    CONSTRAINT users_valid_for_check CHECK (valid_for_seconds > 0)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX users_name_unique ON users (lower(name)) WHERE erased_at IS NULL;
CREATE INDEX users_created_idx ON users (created_at, id);
CREATE INDEX users_expires_idx ON users (expires_at, id);
CREATE INDEX users_window_idx ON users (quota_window, window_started_at) WHERE quota_window <> 'none' AND erased_at IS NULL;
COMMENT ON TABLE users IS 'Accounts. The status is computed from these columns, never stored: deleted > suspended > expired > limited > on_hold > active';
COMMENT ON COLUMN users.id IS 'UUIDv7, the API''s name for it';
COMMENT ON COLUMN users.number IS 'Compact number that travels in connection ids; never used again';
COMMENT ON COLUMN users.name IS 'Unique without regard to case; empty once erased';
COMMENT ON COLUMN users.role IS 'user, readonly, admin or superadmin';
COMMENT ON COLUMN users.note IS 'For admins';
COMMENT ON COLUMN users.quota IS 'Bytes, both directions together, a window; NULL: unlimited';
COMMENT ON COLUMN users.quota_window IS 'none, day, week (from Monday), month, rolling-30';
COMMENT ON COLUMN users.window_anchor IS 'Where rolling windows start: first admission or last reset';
COMMENT ON COLUMN users.window_started_at IS 'Start of the present window';
COMMENT ON COLUMN users.window_baseline IS 'used_total at the start of the window: no counter is ever set to zero';
COMMENT ON COLUMN users.used_total IS 'Bytes over all nodes, summed from usage_totals';
COMMENT ON COLUMN users.used IS 'used_total - window_baseline';
COMMENT ON COLUMN users.warned_percent IS 'Highest soft threshold already reported in this window';
COMMENT ON COLUMN users.expires_at IS 'Not admitted from here on; NULL: never';
COMMENT ON COLUMN users.on_hold IS 'The clock starts at the first admission; activated_at ends the hold';
COMMENT ON COLUMN users.valid_for_seconds IS 'Of a user on hold: expires_at = activated_at + this';
COMMENT ON COLUMN users.activated_at IS 'First admission, the earliest that any writer knew';
COMMENT ON COLUMN users.device_limit IS 'Registered devices at most; NULL: unlimited';
COMMENT ON COLUMN users.online_limit IS 'Devices online at once at most; NULL: unlimited';
COMMENT ON COLUMN users.suspended_at IS 'Suspended since';
COMMENT ON COLUMN users.deleted_at IS 'Deleted since, can be restored until erased';
COMMENT ON COLUMN users.erased_at IS 'Personal fields emptied, name free; number and sums stay';
COMMENT ON COLUMN users.version IS 'Rises with each change but those of used bytes';
COMMENT ON COLUMN users.created_at IS 'When it was made';
COMMENT ON COLUMN users.updated_at IS 'When it was last changed';

CREATE TABLE group_users (
    group_no int8 NOT NULL,
    user_no int8 NOT NULL,
    CONSTRAINT group_users_pkey PRIMARY KEY (user_no, group_no),
    CONSTRAINT group_users_group_fkey FOREIGN KEY (group_no) REFERENCES groups (number) ON DELETE CASCADE,
    CONSTRAINT group_users_user_fkey FOREIGN KEY (user_no) REFERENCES users (number)
);
CREATE INDEX group_users_group_idx ON group_users (group_no);
COMMENT ON TABLE group_users IS 'Users of a group';
COMMENT ON COLUMN group_users.group_no IS 'The group';
COMMENT ON COLUMN group_users.user_no IS 'The user';

CREATE TABLE node_overrides (
    user_no int8 NOT NULL,
    node_no int8 NOT NULL,
    allowed bool NOT NULL,
    CONSTRAINT node_overrides_pkey PRIMARY KEY (user_no, node_no),
    CONSTRAINT node_overrides_user_fkey FOREIGN KEY (user_no) REFERENCES users (number),
    CONSTRAINT node_overrides_node_fkey FOREIGN KEY (node_no) REFERENCES nodes (number)
);
COMMENT ON TABLE node_overrides IS 'A user''s own rule for a node. Deny > allow > groups';
COMMENT ON COLUMN node_overrides.user_no IS 'The user';
COMMENT ON COLUMN node_overrides.node_no IS 'The node';
COMMENT ON COLUMN node_overrides.allowed IS 'Allowed or denied whatever the groups say';

CREATE TABLE devices (
    id uuid NOT NULL,
    number int8 GENERATED ALWAYS AS IDENTITY,
    user_no int8 NOT NULL,
    name text NOT NULL,
    credential_version int4 NOT NULL DEFAULT 1,
    max_connections int2 NOT NULL DEFAULT 1,
    on_conflict text NOT NULL DEFAULT 'newest',
    blocked_at timestamptz,
    removed_at timestamptz,
    version int8 NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT devices_pkey PRIMARY KEY (id),
    CONSTRAINT devices_number_unique UNIQUE (number),
    CONSTRAINT devices_user_fkey FOREIGN KEY (user_no) REFERENCES users (number),
    CONSTRAINT devices_max_connections_check CHECK (max_connections BETWEEN 1 AND 1000),
    CONSTRAINT devices_on_conflict_check CHECK (on_conflict IN ('newest', 'refuse'))
);
CREATE UNIQUE INDEX devices_live_name_unique ON devices (user_no, lower(name)) WHERE removed_at IS NULL;
CREATE INDEX devices_user_idx ON devices (user_no, id);
COMMENT ON TABLE devices IS 'Clients of users: the unit of blocking, traffic and online state';
COMMENT ON COLUMN devices.id IS 'UUIDv7, the API''s name for it';
COMMENT ON COLUMN devices.number IS 'Compact number that travels in connection ids; never used again';
COMMENT ON COLUMN devices.user_no IS 'Its owner';
COMMENT ON COLUMN devices.name IS 'Unique among the owner''s live devices';
COMMENT ON COLUMN devices.credential_version IS 'Rises with each rotation; connections of an older one are kicked';
COMMENT ON COLUMN devices.max_connections IS 'Connections at once on one node';
COMMENT ON COLUMN devices.on_conflict IS 'newest: the oldest gives way. refuse: the newcomer does';
COMMENT ON COLUMN devices.blocked_at IS 'Blocked since';
COMMENT ON COLUMN devices.removed_at IS 'Removed; its credential answers device_revoked for 30 days';
COMMENT ON COLUMN devices.version IS 'Rises with each change';
COMMENT ON COLUMN devices.created_at IS 'When it was registered';
COMMENT ON COLUMN devices.updated_at IS 'When it was last changed';

CREATE TABLE credentials (
    device_no int8 NOT NULL,
    version int4 NOT NULL,
    kind text NOT NULL,
    pepper_id int2 NOT NULL,
    hash bytea NOT NULL,
    secret_sealed bytea,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT credentials_pkey PRIMARY KEY (device_no, version),
    CONSTRAINT credentials_device_fkey FOREIGN KEY (device_no) REFERENCES devices (number),
    CONSTRAINT credentials_kind_check CHECK (kind IN ('own', 'userpass', 'bare')),
    CONSTRAINT credentials_hash_check CHECK (length(hash) = 32)
);
CREATE UNIQUE INDEX credentials_live_hash_unique ON credentials (hash) WHERE revoked_at IS NULL;
CREATE INDEX credentials_revoked_idx ON credentials (revoked_at) WHERE revoked_at IS NOT NULL;
COMMENT ON TABLE credentials IS 'The secrets that clients send as auth: a keyed hash to find them, the sealed form to show them again';
COMMENT ON COLUMN credentials.device_no IS 'The device';
COMMENT ON COLUMN credentials.version IS 'The device''s credential_version at its making';
COMMENT ON COLUMN credentials.kind IS 'own: hy1_…, userpass: lower(name):password, bare: verbatim';
COMMENT ON COLUMN credentials.pepper_id IS 'The key of the hash';
COMMENT ON COLUMN credentials.hash IS 'Keyed BLAKE3 of the looked-up form';
COMMENT ON COLUMN credentials.secret_sealed IS 'The secret itself, sealed; NULL once revoked';
COMMENT ON COLUMN credentials.created_at IS 'When it was made';
COMMENT ON COLUMN credentials.revoked_at IS 'Rotated or its device removed';
