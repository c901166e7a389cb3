-- How many users have each of these plans ($1), counted up to $2 of each.
SELECT plan.number, holders.counted
FROM unnest($1::int8[]) AS plan (number), LATERAL (
    SELECT count(*) AS counted FROM (SELECT 1 FROM users WHERE plan_no = plan.number LIMIT $2) AS holder
) AS holders
