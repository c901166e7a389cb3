-- Erasing a user looks for what was told of it.
CREATE INDEX webhook_deliveries_about_idx ON webhook_deliveries (user_no) WHERE user_no IS NOT NULL;
