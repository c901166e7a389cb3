DROP TABLE api_tokens;
DROP TABLE key_fingerprints;
DROP TABLE settings;
