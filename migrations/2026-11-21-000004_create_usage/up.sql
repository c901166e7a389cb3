-- What was counted. Keyed by compact numbers without foreign keys: these rows outlive devices, users and nodes,
-- and a report must never wait for a lock on somebody's account.
CREATE TABLE connections (
    id text NOT NULL,
    node_no int8 NOT NULL,
    user_no int8 NOT NULL,
    device_no int8 NOT NULL,
    credential_version int4 NOT NULL,
    generation int8 NOT NULL,
    base_tx int8 NOT NULL DEFAULT 0,
    prev_tx int8 NOT NULL DEFAULT 0,
    cur_tx int8 NOT NULL DEFAULT 0,
    base_rx int8 NOT NULL DEFAULT 0,
    prev_rx int8 NOT NULL DEFAULT 0,
    cur_rx int8 NOT NULL DEFAULT 0,
    client_addr inet,
    admitted_at timestamptz,
    moved_at timestamptz,
    online_at timestamptz,
    kicked_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT connections_pkey PRIMARY KEY (id),
    CONSTRAINT connections_counters_check CHECK (least(base_tx, prev_tx, cur_tx, base_rx, prev_rx, cur_rx) >= 0)
) WITH (fillfactor = 80);
CREATE INDEX connections_node_generation_idx ON connections (node_no, generation);
CREATE INDEX connections_user_idx ON connections (user_no);
CREATE INDEX connections_open_idx ON connections (node_no) WHERE ended_at IS NULL AND online_at IS NOT NULL;
COMMENT ON TABLE connections IS 'One row an admitted QUIC connection. Total of a direction = base + prev + cur';
COMMENT ON COLUMN connections.id IS 'The id that the hook answered; self-describing';
COMMENT ON COLUMN connections.node_no IS 'Where';
COMMENT ON COLUMN connections.user_no IS 'Whose, by the id';
COMMENT ON COLUMN connections.device_no IS 'Which device, by the id';
COMMENT ON COLUMN connections.credential_version IS 'Admitted with this version of the credential';
COMMENT ON COLUMN connections.generation IS 'Generation of the node''s map that cur belongs to; prev belongs to the one before';
COMMENT ON COLUMN connections.base_tx IS 'Uploaded bytes of older generations';
COMMENT ON COLUMN connections.prev_tx IS 'Largest upload counter of the generation before';
COMMENT ON COLUMN connections.cur_tx IS 'Largest upload counter of that generation';
COMMENT ON COLUMN connections.base_rx IS 'Downloaded bytes of older generations';
COMMENT ON COLUMN connections.prev_rx IS 'Largest download counter of the generation before';
COMMENT ON COLUMN connections.cur_rx IS 'Largest download counter of that generation';
COMMENT ON COLUMN connections.client_addr IS 'Client address at the hook; NULL where it was garbage or a report created the row';
COMMENT ON COLUMN connections.admitted_at IS 'When the hook admitted it; NULL where a report created the row';
COMMENT ON COLUMN connections.moved_at IS 'Begin of the read that gave its last merged counters';
COMMENT ON COLUMN connections.online_at IS 'When /online first listed it';
COMMENT ON COLUMN connections.kicked_at IS 'First kick; it goes on until the connection is gone';
COMMENT ON COLUMN connections.ended_at IS 'Seen gone from /online in two reads';

CREATE TABLE usage_totals (
    user_no int8 NOT NULL,
    device_no int8 NOT NULL,
    node_no int8 NOT NULL,
    tx int8 NOT NULL,
    rx int8 NOT NULL,
    CONSTRAINT usage_totals_pkey PRIMARY KEY (user_no, device_no, node_no)
) WITH (fillfactor = 80);
COMMENT ON TABLE usage_totals IS 'Bytes a (user, device, node) since ever; each row is written by its node''s reports alone';
COMMENT ON COLUMN usage_totals.user_no IS 'The user in the connections'' ids';
COMMENT ON COLUMN usage_totals.device_no IS 'The device';
COMMENT ON COLUMN usage_totals.node_no IS 'The node';
COMMENT ON COLUMN usage_totals.tx IS 'Uploaded bytes, saturating at 2^62';
COMMENT ON COLUMN usage_totals.rx IS 'Downloaded bytes, saturating at 2^62';

CREATE TABLE usage_hourly (
    user_no int8 NOT NULL,
    device_no int8 NOT NULL,
    node_no int8 NOT NULL,
    hour timestamptz NOT NULL,
    tx int8 NOT NULL,
    rx int8 NOT NULL,
    CONSTRAINT usage_hourly_pkey PRIMARY KEY (user_no, device_no, node_no, hour)
) PARTITION BY RANGE (hour);
CREATE TABLE usage_hourly_default PARTITION OF usage_hourly DEFAULT;
COMMENT ON TABLE usage_hourly IS 'Bytes a (user, device, node, hour of the read), partitioned by month (UTC)';
COMMENT ON TABLE usage_hourly_default IS 'Takes what no month''s partition takes, so that a merge never fails for want of one';
COMMENT ON COLUMN usage_hourly.user_no IS 'The user';
COMMENT ON COLUMN usage_hourly.device_no IS 'The device';
COMMENT ON COLUMN usage_hourly.node_no IS 'The node';
COMMENT ON COLUMN usage_hourly.hour IS 'Start of the hour, UTC';
COMMENT ON COLUMN usage_hourly.tx IS 'Uploaded bytes';
COMMENT ON COLUMN usage_hourly.rx IS 'Downloaded bytes';

CREATE TABLE usage_daily (
    user_no int8 NOT NULL,
    device_no int8 NOT NULL,
    node_no int8 NOT NULL,
    day date NOT NULL,
    tx int8 NOT NULL,
    rx int8 NOT NULL,
    CONSTRAINT usage_daily_pkey PRIMARY KEY (user_no, device_no, node_no, day)
);
CREATE INDEX usage_daily_day_idx ON usage_daily (day);
COMMENT ON TABLE usage_daily IS 'usage_hourly rolled up by UTC day; kept when the hours are dropped';
COMMENT ON COLUMN usage_daily.user_no IS 'The user';
COMMENT ON COLUMN usage_daily.device_no IS 'The device';
COMMENT ON COLUMN usage_daily.node_no IS 'The node';
COMMENT ON COLUMN usage_daily.day IS 'UTC day';
COMMENT ON COLUMN usage_daily.tx IS 'Uploaded bytes';
COMMENT ON COLUMN usage_daily.rx IS 'Downloaded bytes';

CREATE TABLE usage_touched (
    node_no int8 NOT NULL,
    user_no int8 NOT NULL,
    stamp int8 NOT NULL,
    CONSTRAINT usage_touched_pkey PRIMARY KEY (node_no, user_no)
);
COMMENT ON TABLE usage_touched IS 'What is left for the second step: users whose sums a node''s merge has changed';
COMMENT ON COLUMN usage_touched.node_no IS 'The node that touched';
COMMENT ON COLUMN usage_touched.user_no IS 'The user';
COMMENT ON COLUMN usage_touched.stamp IS 'The merging transaction''s number: the second step removes only the stamp that it has summed, never a later merge''s';

CREATE TABLE quarantine (
    number int8 GENERATED ALWAYS AS IDENTITY,
    node_no int8 NOT NULL,
    connection_id text NOT NULL,
    generation int8 NOT NULL,
    reason text NOT NULL,
    tx int8 NOT NULL,
    rx int8 NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolution text,
    CONSTRAINT quarantine_pkey PRIMARY KEY (number),
    CONSTRAINT quarantine_entry_unique UNIQUE (node_no, connection_id, generation, reason),
    CONSTRAINT quarantine_reason_check CHECK (reason IN ('mac', 'shape', 'doubt', 'implausible', 'old_generation', 'late_clear', 'poison')),
    CONSTRAINT quarantine_resolution_check CHECK (resolution IN ('credited', 'dropped', 'healed')),
    CONSTRAINT quarantine_resolved_check CHECK ((resolved_at IS NULL) = (resolution IS NULL))
);
CREATE INDEX quarantine_open_idx ON quarantine (node_no, reason) WHERE resolved_at IS NULL;
COMMENT ON TABLE quarantine IS 'Counters that were read and not credited: shown, never dropped silently';
COMMENT ON COLUMN quarantine.number IS 'Its number';
COMMENT ON COLUMN quarantine.node_no IS 'The node';
COMMENT ON COLUMN quarantine.connection_id IS 'The id as the node gave it, cut at 200 characters';
COMMENT ON COLUMN quarantine.generation IS 'The generation that the counters belong to';
COMMENT ON COLUMN quarantine.reason IS 'Why it was held';
COMMENT ON COLUMN quarantine.tx IS 'Upload counter, saturating at 2^63-1';
COMMENT ON COLUMN quarantine.rx IS 'Download counter, saturating at 2^63-1';
COMMENT ON COLUMN quarantine.first_seen_at IS 'First read that held it';
COMMENT ON COLUMN quarantine.last_seen_at IS 'Last read that held it';
COMMENT ON COLUMN quarantine.resolved_at IS 'When that was decided';
COMMENT ON COLUMN quarantine.resolution IS 'credited or dropped by an admin; healed: a later read was plausible and held it all';
