-- A change that was thought out on an older version is refused.
ALTER TABLE webhooks ADD COLUMN version int8 NOT NULL DEFAULT 1;
COMMENT ON COLUMN webhooks.version IS 'Rises with each change that people make';
