DROP TABLE group_nodes;
DROP TABLE groups;
DROP TABLE readers;
DROP TABLE node_readings;
DROP TABLE nodes;
