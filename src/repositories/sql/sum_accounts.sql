SELECT user_no, least(sum(tx::numeric + rx), 1::int8 << 62)::int8 AS total
FROM usage_totals WHERE user_no = ANY ($1) GROUP BY user_no
