DROP TABLE node_configs;
COMMENT ON COLUMN nodes.draining_at IS 'Being emptied before its deletion, since';
ALTER TABLE nodes DROP COLUMN config_version;
ALTER TABLE nodes DROP COLUMN removing;
ALTER TABLE nodes DROP COLUMN streaming;
ALTER TABLE nodes DROP COLUMN gaming;
