-- Names are listed and looked for by code point: a database of the operator's own may have a collation by which "eve" is the
-- beginning of "évelyne", or which sorts otherwise than the program does.
DROP INDEX users_live_name_idx;
CREATE INDEX users_live_name_idx ON users ((lower(name) COLLATE "C")) WHERE deleted_at IS NULL;
DROP INDEX users_standing_name_idx;
CREATE INDEX users_standing_name_idx ON users (standing, (lower(name) COLLATE "C"));
DROP INDEX devices_live_name_idx;
CREATE INDEX devices_live_name_idx ON devices ((lower(name) COLLATE "C"), id) WHERE removed_at IS NULL;
DROP INDEX devices_name_idx;
CREATE INDEX devices_name_idx ON devices ((lower(name) COLLATE "C"), id);
DROP INDEX devices_blocked_name_idx;
CREATE INDEX devices_blocked_name_idx ON devices ((lower(name) COLLATE "C"), id) WHERE removed_at IS NULL AND blocked_at IS NOT NULL;
DROP INDEX devices_removed_name_idx;
CREATE INDEX devices_removed_name_idx ON devices ((lower(name) COLLATE "C"), id) WHERE removed_at IS NOT NULL;
