DROP TABLE quarantine;
DROP TABLE usage_touched;
DROP TABLE usage_daily;
DROP TABLE usage_hourly;
DROP TABLE usage_totals;
DROP TABLE connections;
