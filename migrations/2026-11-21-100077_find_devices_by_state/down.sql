CREATE INDEX devices_name_idx ON devices ((lower(name) COLLATE "C"), id);
