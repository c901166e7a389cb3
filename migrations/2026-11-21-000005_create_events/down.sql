DROP TABLE audit;
DROP FUNCTION refuse_audit_change();
DROP TABLE outbox;
DROP TABLE events;
DROP TABLE changes;
