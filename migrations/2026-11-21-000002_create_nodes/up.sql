-- The Hysteria2 servers and the groups that say who may use them.
CREATE TABLE nodes (
    id uuid NOT NULL,
    number int8 GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    address text NOT NULL,
    sni text,
    pin_sha256 text,
    obfs text,
    obfs_password_sealed bytea,
    hook_secret_hash bytea NOT NULL,
    hook_secret_sealed bytea NOT NULL,
    old_hook_secret_hash bytea,
    hook_secret_used_at timestamptz,
    stats_url text NOT NULL,
    stats_secret_sealed bytea NOT NULL,
    allow_plaintext text[] NOT NULL DEFAULT '{}',
    allow_targets cidr[] NOT NULL DEFAULT '{}',
    own_addresses inet[] NOT NULL DEFAULT '{}',
    line_rate int8,
    require_stats_seconds int4,
    paid bool NOT NULL DEFAULT false,
    disabled_at timestamptz,
    draining_at timestamptz,
    deleted_at timestamptz,
    version int8 NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT nodes_pkey PRIMARY KEY (id),
    CONSTRAINT nodes_number_unique UNIQUE (number),
    CONSTRAINT nodes_name_check CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    CONSTRAINT nodes_obfs_check CHECK (obfs IN ('salamander', 'gecko')),
    CONSTRAINT nodes_obfs_password_check CHECK ((obfs IS NULL) = (obfs_password_sealed IS NULL)),
    CONSTRAINT nodes_line_rate_check CHECK (line_rate > 0),
    CONSTRAINT nodes_require_stats_check CHECK (require_stats_seconds > 0),
    CONSTRAINT nodes_allow_plaintext_check CHECK (allow_plaintext <@ '{hook,stats}'::text[])
);
CREATE UNIQUE INDEX nodes_live_name_unique ON nodes (name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX nodes_live_stats_unique ON nodes (lower(split_part(stats_url, '?', 1))) WHERE deleted_at IS NULL;
COMMENT ON TABLE nodes IS 'Hysteria2 servers';
COMMENT ON COLUMN nodes.id IS 'UUIDv7, the API''s name for it';
COMMENT ON COLUMN nodes.number IS 'Compact number under the MAC of connection ids; never used again';
COMMENT ON COLUMN nodes.name IS 'Stands in the hook URL; unique among live nodes';
COMMENT ON COLUMN nodes.address IS 'host:port or host:port,range that clients dial';
COMMENT ON COLUMN nodes.sni IS 'TLS server name that clients send; NULL: the host';
COMMENT ON COLUMN nodes.pin_sha256 IS 'Lower-case hex SHA-256 of the leaf certificate; clients then check this instead of a CA';
COMMENT ON COLUMN nodes.obfs IS 'Obfuscation; NULL: plain QUIC';
COMMENT ON COLUMN nodes.obfs_password_sealed IS 'Its password, sealed';
COMMENT ON COLUMN nodes.hook_secret_hash IS 'SHA-256 of the secret that the server sends to the hook';
COMMENT ON COLUMN nodes.hook_secret_sealed IS 'The same secret, sealed, to print the server''s configuration again';
COMMENT ON COLUMN nodes.old_hook_secret_hash IS 'The secret before a rotation: valid until 10 minutes after the new one''s first use';
COMMENT ON COLUMN nodes.hook_secret_used_at IS 'First use of the present secret after a rotation';
COMMENT ON COLUMN nodes.stats_url IS 'Base URL of the server''s traffic-stats API: scheme, host and port belong to one live node';
COMMENT ON COLUMN nodes.stats_secret_sealed IS 'Its secret, sealed';
COMMENT ON COLUMN nodes.allow_plaintext IS 'Which of hook and stats may cross a network unencrypted';
COMMENT ON COLUMN nodes.allow_targets IS 'Targets that go ahead of the generated ACL''s rejects';
COMMENT ON COLUMN nodes.own_addresses IS 'The node''s own addresses, which customers may not reach through it';
COMMENT ON COLUMN nodes.line_rate IS 'Bytes a second in each direction that the line can carry; NULL: no plausibility check';
COMMENT ON COLUMN nodes.require_stats_seconds IS 'Refuse users with a quota once the stats were unreadable this long; NULL: never';
COMMENT ON COLUMN nodes.paid IS 'Only for users of a paid plan';
COMMENT ON COLUMN nodes.disabled_at IS 'Takes no new logins since';
COMMENT ON COLUMN nodes.draining_at IS 'Being emptied before its deletion, since';
COMMENT ON COLUMN nodes.deleted_at IS 'Deleted; the row stays for the sums';
COMMENT ON COLUMN nodes.version IS 'Rises with each change';
COMMENT ON COLUMN nodes.created_at IS 'When it was added';
COMMENT ON COLUMN nodes.updated_at IS 'When it was last changed';

CREATE TABLE node_readings (
    node_no int8 NOT NULL,
    epoch int8 NOT NULL DEFAULT 0,
    holder uuid,
    held_until timestamptz,
    generation int8 NOT NULL DEFAULT 1,
    doubtful_generation int8 NOT NULL DEFAULT 0,
    cleaned_at timestamptz,
    shared_with int8,
    read_at timestamptz,
    failing_since timestamptz,
    error text,
    unreadable_reported bool NOT NULL DEFAULT false,
    entries int4 NOT NULL DEFAULT 0,
    doubts int8 NOT NULL DEFAULT 0,
    CONSTRAINT node_readings_pkey PRIMARY KEY (node_no),
    CONSTRAINT node_readings_node_fkey FOREIGN KEY (node_no) REFERENCES nodes (number)
);
COMMENT ON TABLE node_readings IS 'Who reads a node''s counters, and how far that is. Every merge locks the node''s row first: it is the fence';
COMMENT ON COLUMN node_readings.node_no IS 'The node';
COMMENT ON COLUMN node_readings.epoch IS 'Rises with each new holder; a read committed under an older one changes nothing';
COMMENT ON COLUMN node_readings.holder IS 'The instance that reads';
COMMENT ON COLUMN node_readings.held_until IS 'Until when, unless renewed';
COMMENT ON COLUMN node_readings.generation IS 'How often the server''s map was seen emptied, plus one';
COMMENT ON COLUMN node_readings.doubtful_generation IS 'The last generation that did not begin with our own answered clean-up; 0: none';
COMMENT ON COLUMN node_readings.cleaned_at IS 'Our last answered clean-up';
COMMENT ON COLUMN node_readings.shared_with IS 'Its answer held ids of this other node of ours: two nodes, one server';
COMMENT ON COLUMN node_readings.read_at IS 'Last merged read';
COMMENT ON COLUMN node_readings.failing_since IS 'First of the failures since then';
COMMENT ON COLUMN node_readings.error IS 'The last failure';
COMMENT ON COLUMN node_readings.unreadable_reported IS 'The 60 s event was written';
COMMENT ON COLUMN node_readings.entries IS 'Ids in the last answer';
COMMENT ON COLUMN node_readings.doubts IS 'Ids held because they did not start again after an uncertain step';

CREATE TABLE readers (
    instance uuid NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT readers_pkey PRIMARY KEY (instance)
);
COMMENT ON TABLE readers IS 'Instances that read nodes: each takes its share of the leases';
COMMENT ON COLUMN readers.instance IS 'The instance';
COMMENT ON COLUMN readers.seen_at IS 'Last sign of life; gone once it is older than a lease';

CREATE TABLE groups (
    id uuid NOT NULL,
    number int8 GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT groups_pkey PRIMARY KEY (id),
    CONSTRAINT groups_number_unique UNIQUE (number),
    CONSTRAINT groups_name_check CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')
);
CREATE UNIQUE INDEX groups_name_unique ON groups (name);
COMMENT ON TABLE groups IS 'Sets of nodes that sets of users may use';
COMMENT ON COLUMN groups.id IS 'UUIDv7';
COMMENT ON COLUMN groups.number IS 'Compact number';
COMMENT ON COLUMN groups.name IS 'Unique';
COMMENT ON COLUMN groups.created_at IS 'When it was made';

CREATE TABLE group_nodes (
    group_no int8 NOT NULL,
    node_no int8 NOT NULL,
    CONSTRAINT group_nodes_pkey PRIMARY KEY (group_no, node_no),
    CONSTRAINT group_nodes_group_fkey FOREIGN KEY (group_no) REFERENCES groups (number) ON DELETE CASCADE,
    CONSTRAINT group_nodes_node_fkey FOREIGN KEY (node_no) REFERENCES nodes (number)
);
CREATE INDEX group_nodes_node_idx ON group_nodes (node_no);
COMMENT ON TABLE group_nodes IS 'Nodes that a group may use; a node in no group admits nobody';
COMMENT ON COLUMN group_nodes.group_no IS 'The group';
COMMENT ON COLUMN group_nodes.node_no IS 'The node';

INSERT INTO groups (id, name, created_at) VALUES ('00000000-0000-7000-8000-000000000001', 'default', now());
