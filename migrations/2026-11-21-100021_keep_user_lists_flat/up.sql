-- Every order of every list has an index of its own, whatever part of the users it shows.
-- `standing` takes the place of `limited` and of the indexes by status, which served one order only.
DROP INDEX users_on_hold_idx;
DROP INDEX users_limited_idx;
DROP INDEX users_suspended_idx;
DROP INDEX users_deleted_idx;
ALTER TABLE users DROP COLUMN limited;
ALTER TABLE users ADD COLUMN name_skeleton text;
ALTER TABLE users ADD COLUMN lapsed_at timestamptz;
ALTER TABLE users ADD COLUMN standing text GENERATED ALWAYS AS (
    CASE
        WHEN erased_at IS NOT NULL THEN 'erased'
        WHEN deleted_at IS NOT NULL THEN 'deleted'
        WHEN suspended_at IS NOT NULL THEN 'suspended'
        WHEN expires_at <= lapsed_at THEN 'expired'
        WHEN used >= quota THEN 'limited'
        WHEN on_hold AND activated_at IS NULL THEN 'on_hold'
        ELSE 'active'
    END
) STORED;
COMMENT ON COLUMN users.name_skeleton IS 'The name in lower case as UTS 39 has it: two names that look the same have the same; NULL once erased';
COMMENT ON COLUMN users.lapsed_at IS 'When a sweep last saw its expiry past; only lists ask, everybody else compares expires_at';
COMMENT ON COLUMN users.standing IS 'The status as lists look it up: that of the last sweep where it hangs on the time';

CREATE UNIQUE INDEX users_skeleton_unique ON users (name_skeleton) WHERE erased_at IS NULL;
DROP INDEX users_created_idx;
DROP INDEX users_expires_idx;
CREATE INDEX users_live_id_idx ON users (id) WHERE deleted_at IS NULL;
CREATE INDEX users_live_name_idx ON users (lower(name)) WHERE deleted_at IS NULL;
CREATE INDEX users_live_created_idx ON users (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_live_expires_idx ON users (expires_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_standing_id_idx ON users (standing, id);
CREATE INDEX users_standing_name_idx ON users (standing, lower(name));
CREATE INDEX users_standing_created_idx ON users (standing, created_at, id);
CREATE INDEX users_standing_expires_idx ON users (standing, expires_at, id);
CREATE INDEX users_deleted_idx ON users (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;

DROP INDEX group_users_group_idx;
CREATE INDEX group_users_group_idx ON group_users (group_no, user_no);

CREATE INDEX devices_live_id_idx ON devices (id) WHERE removed_at IS NULL;
CREATE INDEX devices_live_name_idx ON devices (lower(name), id) WHERE removed_at IS NULL;
CREATE INDEX devices_blocked_idx ON devices (id) WHERE removed_at IS NULL AND blocked_at IS NOT NULL;
CREATE INDEX devices_active_idx ON devices (id) WHERE removed_at IS NULL AND blocked_at IS NULL;
CREATE INDEX devices_removed_idx ON devices (id) WHERE removed_at IS NOT NULL;

CREATE INDEX audit_subject_idx ON audit (subject, number);
