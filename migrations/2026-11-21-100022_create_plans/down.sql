DROP INDEX users_plan_idx;
ALTER TABLE users DROP COLUMN plan_no;
DROP TABLE plan_groups;
DROP TABLE plans;
