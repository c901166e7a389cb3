DROP TABLE credentials;
DROP TABLE devices;
DROP TABLE node_overrides;
DROP TABLE group_users;
DROP TABLE users;
