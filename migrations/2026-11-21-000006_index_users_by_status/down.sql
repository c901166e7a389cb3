DROP INDEX users_on_hold_idx;
DROP INDEX users_limited_idx;
DROP INDEX users_suspended_idx;
DROP INDEX users_deleted_idx;
ALTER TABLE users DROP COLUMN limited;
