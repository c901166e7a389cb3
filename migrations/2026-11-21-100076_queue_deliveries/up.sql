-- What waits for a receiver that is gone does not wait for ever: three days after it was queued it is given up.
ALTER TABLE webhook_deliveries ADD COLUMN queued_at timestamptz;
UPDATE webhook_deliveries SET queued_at = created_at;
ALTER TABLE webhook_deliveries ALTER COLUMN queued_at SET NOT NULL;
COMMENT ON COLUMN webhook_deliveries.queued_at IS 'When it began to wait: at first, or when somebody had it sent again';
CREATE INDEX webhook_deliveries_queued_idx ON webhook_deliveries (queued_at) WHERE state = 'waiting';
