ALTER TABLE webhook_deliveries DROP COLUMN queued_at;
