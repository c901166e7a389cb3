-- What happened: for directories (changes), for everybody else (events), for the auditor (audit).
CREATE TABLE changes (
    number int8 GENERATED ALWAYS AS IDENTITY,
    xid int8 NOT NULL DEFAULT pg_current_xact_id()::text::int8,
    kind text NOT NULL,
    entity int8 NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT changes_pkey PRIMARY KEY (number),
    CONSTRAINT changes_kind_check CHECK (kind IN ('user', 'node', 'settings'))
);
CREATE INDEX changes_xid_idx ON changes (xid);
CREATE INDEX changes_at_idx ON changes (at);
COMMENT ON TABLE changes IS 'The log that keeps every instance''s directory true; a row is written in the transaction of each change of access';
COMMENT ON COLUMN changes.number IS 'Its number; not in the order of commits';
COMMENT ON COLUMN changes.xid IS 'The writing transaction: readers take every row at or above their last snapshot''s xmin';
COMMENT ON COLUMN changes.kind IS 'What changed: a user (with devices and rights), a node (with groups), a setting';
COMMENT ON COLUMN changes.entity IS 'Its compact number';
COMMENT ON COLUMN changes.at IS 'When; kept for a day';

CREATE TABLE events (
    number int8 GENERATED ALWAYS AS IDENTITY,
    xid int8 NOT NULL DEFAULT pg_current_xact_id()::text::int8,
    kind text NOT NULL,
    severity text NOT NULL,
    actor text NOT NULL,
    user_no int8,
    device_no int8,
    node_no int8,
    data jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (number, at),
    CONSTRAINT events_severity_check CHECK (severity IN ('info', 'warning', 'alarm'))
) PARTITION BY RANGE (at);
CREATE TABLE events_default PARTITION OF events DEFAULT;
CREATE INDEX events_xid_idx ON events (xid);
CREATE INDEX events_user_idx ON events (user_no, number) WHERE user_no IS NOT NULL;
CREATE INDEX events_node_idx ON events (node_no, number) WHERE node_no IS NOT NULL;
COMMENT ON TABLE events IS 'What happened, in the transaction in which it happened; partitioned by month (UTC)';
COMMENT ON TABLE events_default IS 'Takes what no month''s partition takes';
COMMENT ON COLUMN events.number IS 'Its number';
COMMENT ON COLUMN events.xid IS 'The transaction that wrote it: readers follow snapshots, because numbers commit out of order';
COMMENT ON COLUMN events.kind IS 'Dotted name such as user.limited';
COMMENT ON COLUMN events.severity IS 'info, warning or alarm';
COMMENT ON COLUMN events.actor IS 'The principal, or system';
COMMENT ON COLUMN events.user_no IS 'The user concerned';
COMMENT ON COLUMN events.device_no IS 'The device concerned';
COMMENT ON COLUMN events.node_no IS 'The node concerned';
COMMENT ON COLUMN events.data IS 'Details; no secrets';
COMMENT ON COLUMN events.at IS 'When';

CREATE TABLE outbox (
    event int8 NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (event)
);
COMMENT ON TABLE outbox IS 'Events that the dispatcher has not handed out yet';
COMMENT ON COLUMN outbox.event IS 'The event''s number';
COMMENT ON COLUMN outbox.at IS 'The event''s time, to find its partition';

CREATE TABLE audit (
    number int8 GENERATED ALWAYS AS IDENTITY,
    principal text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (number)
);
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed';
END $$;
CREATE TRIGGER audit_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
COMMENT ON TABLE audit IS 'Who changed what: one row a change, in its transaction, never changed';
COMMENT ON COLUMN audit.number IS 'Its number';
COMMENT ON COLUMN audit.principal IS 'Who: cli:<uid>, token:<id>';
COMMENT ON COLUMN audit.action IS 'What: noun.verb';
COMMENT ON COLUMN audit.subject IS 'Of what: noun:<id>';
COMMENT ON COLUMN audit.detail IS 'The new values; no secrets';
COMMENT ON COLUMN audit.at IS 'When';
