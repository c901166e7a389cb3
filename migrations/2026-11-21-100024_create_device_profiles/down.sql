DROP TABLE device_profiles;
