-- Names are looked for among the devices of one state, each by its own index; the index of all names only led the planner
-- through hundreds of thousands that were removed long ago.
DROP INDEX devices_name_idx;
