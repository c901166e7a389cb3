ALTER TABLE factors ADD COLUMN totp_failing_since timestamptz, ADD COLUMN totp_failed int2 NOT NULL DEFAULT 0;
COMMENT ON COLUMN factors.totp_failing_since IS 'Start of the present 15 minutes of failures';
COMMENT ON COLUMN factors.totp_failed IS 'How many failed in them';
UPDATE factors SET totp_failing_since = totp_failed_at[1], totp_failed = cardinality(totp_failed_at)
WHERE cardinality(totp_failed_at) > 0;
ALTER TABLE factors DROP COLUMN totp_failed_at;
