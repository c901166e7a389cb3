-- A new place is one that no login was opened from; where one is used later says nothing of that.
ALTER TABLE sessions ADD COLUMN opened_from inet;
UPDATE sessions SET opened_from = CASE family(addr) WHEN 6 THEN network(set_masklen(addr, 64))::inet ELSE addr END
    WHERE addr IS NOT NULL;
COMMENT ON COLUMN sessions.opened_from IS 'The network that it was opened from: an IPv4 address or an IPv6 /64';
COMMENT ON COLUMN sessions.ended IS 'Why: logout, revoked, reuse, password, factor, email, suspended, deleted';
