-- Ten wrong codes in any 15 minutes: when each was tried, not how many since the first one.
ALTER TABLE factors ADD COLUMN totp_failed_at timestamptz[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN factors.totp_failed_at IS 'When wrong codes were tried in the last 15 minutes';
UPDATE factors SET totp_failed_at = array_fill(totp_failing_since, ARRAY[totp_failed::int4])
WHERE totp_failing_since IS NOT NULL AND totp_failed > 0;
ALTER TABLE factors DROP COLUMN totp_failing_since, DROP COLUMN totp_failed;
