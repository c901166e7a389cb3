-- What the index of all names of devices told the planner of their distribution, which no partial index tells.
CREATE STATISTICS devices_name_statistics ON (lower(name) COLLATE "C") FROM devices;
