-- Lists of a rare status: each has the rows of that status, and no others, in an index of its own.
-- A generated column and not an expression over `used`: an index over what every read moves would make each of those
-- updates write all indexes of the table.
ALTER TABLE users ADD COLUMN limited bool NOT NULL GENERATED ALWAYS AS (quota IS NOT NULL AND quota <= used) STORED;
COMMENT ON COLUMN users.limited IS 'The quota of this window is used up; derived by the database, for its index';
CREATE INDEX users_deleted_idx ON users (id) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
CREATE INDEX users_suspended_idx ON users (id) WHERE suspended_at IS NOT NULL AND deleted_at IS NULL AND erased_at IS NULL;
CREATE INDEX users_limited_idx ON users (id) WHERE limited AND deleted_at IS NULL AND erased_at IS NULL;
CREATE INDEX users_on_hold_idx ON users (id) WHERE on_hold AND activated_at IS NULL AND deleted_at IS NULL AND erased_at IS NULL;
