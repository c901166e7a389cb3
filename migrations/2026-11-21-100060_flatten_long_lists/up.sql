-- Whatever a list is asked for alone, it has an index in its own order, so that a page costs the same wherever it lies.
CREATE INDEX devices_name_idx ON devices (lower(name), id);
CREATE INDEX devices_blocked_name_idx ON devices (lower(name), id) WHERE removed_at IS NULL AND blocked_at IS NOT NULL;
CREATE INDEX devices_removed_name_idx ON devices (lower(name), id) WHERE removed_at IS NOT NULL;

-- who logs in often leaves many behind that ended
CREATE INDEX sessions_open_idx ON sessions (user_no, id) WHERE ended_at IS NULL;

-- a chain grows for a month, and each exchange asks which of its successors may still be handed out: one or none
CREATE INDEX refresh_tokens_kept_idx ON refresh_tokens (session) WHERE successor_sealed IS NOT NULL;

-- the audit is read by time, which every filter can be joined with
DROP INDEX audit_subject_idx;
DROP INDEX audit_user_idx;
DROP INDEX audit_principal_idx;
CREATE INDEX audit_at_idx ON audit (at, number);
CREATE INDEX audit_subject_idx ON audit (subject, at, number);
CREATE INDEX audit_user_idx ON audit (user_no, at, number) WHERE user_no IS NOT NULL;
CREATE INDEX audit_principal_idx ON audit (principal, at, number);
CREATE INDEX audit_action_idx ON audit (action, at, number);
CREATE INDEX audit_noun_idx ON audit (split_part(action, '.', 1), at, number);

CREATE INDEX webhook_deliveries_state_idx ON webhook_deliveries (webhook_id, state, sequence);

CREATE INDEX quarantine_node_idx ON quarantine (node_no, number);
CREATE INDEX quarantine_undecided_idx ON quarantine (number) WHERE resolved_at IS NULL;
CREATE INDEX quarantine_node_undecided_idx ON quarantine (node_no, number) WHERE resolved_at IS NULL;

-- all that are open, and a node's; a user's are read in the order of their ids
CREATE INDEX connections_open_id_idx ON connections (id) WHERE ended_at IS NULL AND online_at IS NOT NULL;
DROP INDEX connections_open_idx;
CREATE INDEX connections_open_idx ON connections (node_no, id) WHERE ended_at IS NULL AND online_at IS NOT NULL;
DROP INDEX connections_user_idx;
CREATE INDEX connections_user_idx ON connections (user_no, id);

-- dead entries of an index are what a page after a mass change pays for: they are cleared at a fiftieth, not a fifth
ALTER TABLE users SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE devices SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
