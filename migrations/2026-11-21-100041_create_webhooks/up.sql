-- Who is told of events over HTTP, and how each telling went.
CREATE TABLE webhooks (
    id uuid NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL DEFAULT '{}',
    secret_sealed bytea NOT NULL,
    old_secret_sealed bytea,
    old_secret_until timestamptz,
    enabled bool NOT NULL DEFAULT true,
    disabled_reason text,
    failures int4 NOT NULL DEFAULT 0,
    resting_until timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT webhooks_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX webhooks_name_unique ON webhooks (lower(name));
COMMENT ON TABLE webhooks IS 'Who is told of events over HTTP';
COMMENT ON COLUMN webhooks.id IS 'UUIDv7';
COMMENT ON COLUMN webhooks.name IS 'What it is for; unique without regard to case';
COMMENT ON COLUMN webhooks.url IS 'https, no address of a private network';
COMMENT ON COLUMN webhooks.events IS 'Kinds such as user.limited, or user.*; empty: all';
COMMENT ON COLUMN webhooks.secret_sealed IS 'whsec_…, signs each delivery';
COMMENT ON COLUMN webhooks.old_secret_sealed IS 'The one before, which signs too until old_secret_until';
COMMENT ON COLUMN webhooks.old_secret_until IS 'End of the rotation';
COMMENT ON COLUMN webhooks.enabled IS 'Off: no new deliveries, and the waiting ones rest';
COMMENT ON COLUMN webhooks.disabled_reason IS 'Why the program itself turned it off';
COMMENT ON COLUMN webhooks.failures IS 'Failed attempts since the last one that succeeded';
COMMENT ON COLUMN webhooks.resting_until IS 'Nobody calls it before: it failed lately';
COMMENT ON COLUMN webhooks.created_by IS 'The principal that made it';
COMMENT ON COLUMN webhooks.created_at IS 'When';
COMMENT ON COLUMN webhooks.updated_at IS 'When it was last changed';

CREATE TABLE webhook_deliveries (
    id uuid NOT NULL,
    sequence int8 GENERATED ALWAYS AS IDENTITY,
    webhook_id uuid NOT NULL,
    kind text NOT NULL,
    user_no int8,
    body text NOT NULL,
    state text NOT NULL,
    attempts int4 NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    last_at timestamptz,
    last_status int4,
    last_error text,
    last_ms int4,
    created_at timestamptz NOT NULL,
    done_at timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('waiting', 'delivered', 'failed'))
);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (webhook_id, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_user_idx ON webhook_deliveries (webhook_id, user_no, sequence) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_log_idx ON webhook_deliveries (webhook_id, sequence);
CREATE INDEX webhook_deliveries_done_idx ON webhook_deliveries (done_at) WHERE done_at IS NOT NULL;
COMMENT ON TABLE webhook_deliveries IS 'What webhooks are told: written with the outbox row''s removal, kept as a log';
COMMENT ON COLUMN webhook_deliveries.id IS 'UUIDv7; the webhook-id of every attempt';
COMMENT ON COLUMN webhook_deliveries.sequence IS 'The order in which events were handed out';
COMMENT ON COLUMN webhook_deliveries.webhook_id IS 'Who is told';
COMMENT ON COLUMN webhook_deliveries.kind IS 'The event''s kind';
COMMENT ON COLUMN webhook_deliveries.user_no IS 'The user concerned: a user''s events arrive in order';
COMMENT ON COLUMN webhook_deliveries.body IS 'What is sent, byte for byte, at every attempt';
COMMENT ON COLUMN webhook_deliveries.state IS 'waiting, delivered or failed (given up)';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'Attempts so far';
COMMENT ON COLUMN webhook_deliveries.next_at IS 'Not tried before; moved ahead while somebody tries';
COMMENT ON COLUMN webhook_deliveries.last_at IS 'Last attempt';
COMMENT ON COLUMN webhook_deliveries.last_status IS 'HTTP status of its answer';
COMMENT ON COLUMN webhook_deliveries.last_error IS 'Why there was no answer, in a word';
COMMENT ON COLUMN webhook_deliveries.last_ms IS 'How long it took';
COMMENT ON COLUMN webhook_deliveries.created_at IS 'When the event was handed out';
COMMENT ON COLUMN webhook_deliveries.done_at IS 'Delivered or given up';
