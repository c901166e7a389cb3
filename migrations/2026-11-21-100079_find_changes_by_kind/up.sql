-- Whether a user, or any node, has changed since a snapshot is asked for each configuration that was rendered before.
CREATE INDEX changes_kind_idx ON changes (kind, entity, xid);
