-- What the index of all names of devices told the planner of their distribution, which no partial index tells. For a day step
-- 100077 made it, before anything was released: whoever ran that has it already.
CREATE STATISTICS IF NOT EXISTS devices_name_statistics ON (lower(name) COLLATE "C") FROM devices;
