-- Names are looked for among the devices of one state, each by its own index; the index of all names only led the planner
-- through hundreds of thousands that were removed long ago. What it knew of the names' distribution, which no partial index
-- tells, stays known.
DROP INDEX devices_name_idx;
CREATE STATISTICS devices_name_statistics ON (lower(name) COLLATE "C") FROM devices;
