-- Bundles of limits that users are given.
CREATE TABLE plans (
    id uuid NOT NULL,
    number int8 GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    note text NOT NULL DEFAULT '',
    quota int8,
    quota_window text NOT NULL DEFAULT 'none',
    valid_for_seconds int8,
    device_limit int4,
    online_limit int4,
    paid bool NOT NULL DEFAULT false,
    version int8 NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT plans_pkey PRIMARY KEY (id),
    CONSTRAINT plans_number_unique UNIQUE (number),
    CONSTRAINT plans_window_check CHECK (quota_window IN ('none', 'day', 'week', 'month', 'rolling-30')),
    CONSTRAINT plans_quota_check CHECK (quota >= 0),
    CONSTRAINT plans_valid_for_check CHECK (valid_for_seconds > 0),
    CONSTRAINT plans_device_limit_check CHECK (device_limit >= 0),
    CONSTRAINT plans_online_limit_check CHECK (online_limit >= 0)
);
CREATE UNIQUE INDEX plans_name_unique ON plans (lower(name));
COMMENT ON TABLE plans IS 'Bundles of limits: a user that is given one takes its limits over';
COMMENT ON COLUMN plans.id IS 'UUIDv7';
COMMENT ON COLUMN plans.number IS 'Compact number';
COMMENT ON COLUMN plans.name IS 'Unique without regard to case';
COMMENT ON COLUMN plans.note IS 'For admins';
COMMENT ON COLUMN plans.quota IS 'Bytes a window; NULL: unlimited';
COMMENT ON COLUMN plans.quota_window IS 'none, day, week (from Monday), month, rolling-30';
COMMENT ON COLUMN plans.valid_for_seconds IS 'From its assignment, or from the first admission of a user on hold, to the expiry; NULL: the expiry stays';
COMMENT ON COLUMN plans.device_limit IS 'Registered devices at most; NULL: unlimited';
COMMENT ON COLUMN plans.online_limit IS 'Devices online at once at most; NULL: unlimited';
COMMENT ON COLUMN plans.paid IS 'Its users may use paid nodes';
COMMENT ON COLUMN plans.version IS 'Rises with each change';
COMMENT ON COLUMN plans.created_at IS 'When it was made';
COMMENT ON COLUMN plans.updated_at IS 'When it was last changed';

CREATE TABLE plan_groups (
    plan_no int8 NOT NULL,
    group_no int8 NOT NULL,
    CONSTRAINT plan_groups_pkey PRIMARY KEY (plan_no, group_no),
    CONSTRAINT plan_groups_plan_fkey FOREIGN KEY (plan_no) REFERENCES plans (number) ON DELETE CASCADE,
    CONSTRAINT plan_groups_group_fkey FOREIGN KEY (group_no) REFERENCES groups (number) ON DELETE CASCADE
);
CREATE INDEX plan_groups_group_idx ON plan_groups (group_no);
COMMENT ON TABLE plan_groups IS 'Groups that a plan''s users are put into; none: their groups stay';
COMMENT ON COLUMN plan_groups.plan_no IS 'The plan';
COMMENT ON COLUMN plan_groups.group_no IS 'The group';

ALTER TABLE users ADD COLUMN plan_no int8;
ALTER TABLE users ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan_no) REFERENCES plans (number);
CREATE INDEX users_plan_idx ON users (plan_no, number) WHERE plan_no IS NOT NULL;
COMMENT ON COLUMN users.plan_no IS 'The plan it was given last; NULL: none';
