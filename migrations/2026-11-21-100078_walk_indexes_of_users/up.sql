-- Each order's index says which rows it holds: whoever walks it to see which of them are in a group reads no row of users.
DROP INDEX users_live_id_idx;
CREATE INDEX users_live_id_idx ON users (id) INCLUDE (number) WHERE deleted_at IS NULL;
DROP INDEX users_live_name_idx;
CREATE INDEX users_live_name_idx ON users ((lower(name) COLLATE "C")) INCLUDE (number, name) WHERE deleted_at IS NULL;
DROP INDEX users_live_created_idx;
CREATE INDEX users_live_created_idx ON users (created_at, id) INCLUDE (number) WHERE deleted_at IS NULL;
DROP INDEX users_live_expires_idx;
CREATE INDEX users_live_expires_idx ON users (expires_at, id) INCLUDE (number) WHERE deleted_at IS NULL;
DROP INDEX users_standing_id_idx;
CREATE INDEX users_standing_id_idx ON users (standing, id) INCLUDE (number);
DROP INDEX users_standing_name_idx;
CREATE INDEX users_standing_name_idx ON users (standing, (lower(name) COLLATE "C")) INCLUDE (number, name);
DROP INDEX users_standing_created_idx;
CREATE INDEX users_standing_created_idx ON users (standing, created_at, id) INCLUDE (number);
DROP INDEX users_standing_expires_idx;
CREATE INDEX users_standing_expires_idx ON users (standing, expires_at, id) INCLUDE (number);
