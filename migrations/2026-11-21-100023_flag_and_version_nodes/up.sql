-- Labels of nodes, drains that do not end in a deletion, and every configuration that a node had.
ALTER TABLE nodes ADD COLUMN gaming bool NOT NULL DEFAULT false;
ALTER TABLE nodes ADD COLUMN streaming bool NOT NULL DEFAULT false;
ALTER TABLE nodes ADD COLUMN removing bool NOT NULL DEFAULT false;
ALTER TABLE nodes ADD COLUMN config_version int4 NOT NULL DEFAULT 0;
UPDATE nodes SET removing = true WHERE draining_at IS NOT NULL;
COMMENT ON COLUMN nodes.gaming IS 'Label: good for games';
COMMENT ON COLUMN nodes.streaming IS 'Label: good for streaming';
COMMENT ON COLUMN nodes.removing IS 'Is deleted once it is drained';
COMMENT ON COLUMN nodes.config_version IS 'The present one of node_configs; 0: none was written down';
COMMENT ON COLUMN nodes.draining_at IS 'Takes no logins and keeps none, since';

CREATE TABLE node_configs (
    node_no int8 NOT NULL,
    version int4 NOT NULL,
    reason text NOT NULL,
    made_by text NOT NULL,
    settings jsonb NOT NULL,
    obfs_password_sealed bytea,
    stats_secret_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT node_configs_pkey PRIMARY KEY (node_no, version),
    CONSTRAINT node_configs_node_fkey FOREIGN KEY (node_no) REFERENCES nodes (number)
);
COMMENT ON TABLE node_configs IS 'What a node''s server configuration was made from, one row a change; the last 100 are kept';
COMMENT ON COLUMN node_configs.node_no IS 'The node';
COMMENT ON COLUMN node_configs.version IS 'Counted from 1';
COMMENT ON COLUMN node_configs.reason IS 'create, update, or rollback and the version';
COMMENT ON COLUMN node_configs.made_by IS 'The principal';
COMMENT ON COLUMN node_configs.settings IS 'The settings, without secrets';
COMMENT ON COLUMN node_configs.obfs_password_sealed IS 'The disguise''s password at that time, sealed';
COMMENT ON COLUMN node_configs.stats_secret_sealed IS 'The stats secret at that time, sealed. The hook''s is never rolled back, so it is not here';
COMMENT ON COLUMN node_configs.created_at IS 'When';
