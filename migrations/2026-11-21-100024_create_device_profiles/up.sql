-- What a device's client configuration is made with, beside its secret.
CREATE TABLE device_profiles (
    device_no int8 NOT NULL,
    node_no int8,
    obfs text,
    up int8,
    down int8,
    mode text NOT NULL DEFAULT 'socks5',
    listen text,
    lazy bool NOT NULL DEFAULT false,
    fast_open bool NOT NULL DEFAULT false,
    version int8 NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT device_profiles_pkey PRIMARY KEY (device_no),
    CONSTRAINT device_profiles_device_fkey FOREIGN KEY (device_no) REFERENCES devices (number),
    CONSTRAINT device_profiles_node_fkey FOREIGN KEY (node_no) REFERENCES nodes (number),
    CONSTRAINT device_profiles_obfs_check CHECK (obfs IN ('none', 'salamander', 'gecko')),
    CONSTRAINT device_profiles_rate_check CHECK (up >= 65536 AND down >= 65536),
    CONSTRAINT device_profiles_mode_check CHECK (mode IN ('socks5', 'http', 'tun'))
);
CREATE INDEX device_profiles_node_idx ON device_profiles (node_no);
COMMENT ON TABLE device_profiles IS 'What a device''s client configuration is made with; a device without a row has the defaults';
COMMENT ON COLUMN device_profiles.device_no IS 'The device';
COMMENT ON COLUMN device_profiles.node_no IS 'Its node; NULL: the first that is permitted';
COMMENT ON COLUMN device_profiles.obfs IS 'Only nodes with this disguise; NULL: any';
COMMENT ON COLUMN device_profiles.up IS 'Bytes a second that its line carries up, which lets Hysteria use Brutal; NULL: not said';
COMMENT ON COLUMN device_profiles.down IS 'Bytes a second down; NULL: not said';
COMMENT ON COLUMN device_profiles.mode IS 'What the client offers: socks5, http, tun';
COMMENT ON COLUMN device_profiles.listen IS 'Where it offers that, address:port; NULL: 127.0.0.1:1080 or 127.0.0.1:8080';
COMMENT ON COLUMN device_profiles.lazy IS 'Connects with the first request and not before';
COMMENT ON COLUMN device_profiles.fast_open IS 'Answers its programs before the server has answered';
COMMENT ON COLUMN device_profiles.version IS 'Rises with each change';
COMMENT ON COLUMN device_profiles.created_at IS 'When it was made';
COMMENT ON COLUMN device_profiles.updated_at IS 'When it was last changed';
