//! Reports, exports, switches, configuration, logs.
mod configuration;
mod exports;
mod logs;
mod loops;
mod summaries;
mod switches;

use crate::support::{api::Api, house::House};
use serde_json::json;

/// Usage of two users at one node, hour by hour.
async fn with_usage(house: &House, api: &Api) {
    house.node("n1", 1).await;
    for name in ["=cmd()", "bob, \"the\" 2nd"] {
        api.post("/users", json!({"name": name})).await.is(201);
        let path = format!(
            "/users/{}/devices",
            url::form_urlencoded::byte_serialize(name.as_bytes())
                .collect::<String>()
                .replace('+', "%20")
        );
        api.post(&path, json!({"name": "-phone"})).await.is(201);
    }
    house
        .test
        .execute(
            "INSERT INTO usage_hourly SELECT d.user_no, d.number, n.number, date_trunc('hour', now()) - h * interval '1 hour', 10 * h + 1, 100 * h + 2
             FROM devices d, nodes n, generate_series(0, 2999) h;
             INSERT INTO usage_daily SELECT user_no, device_no, node_no, (hour AT TIME ZONE 'UTC')::date, sum(tx), sum(rx) FROM usage_hourly GROUP BY 1, 2, 3, 4;
             INSERT INTO usage_totals SELECT user_no, device_no, node_no, sum(tx), sum(rx) FROM usage_hourly GROUP BY 1, 2, 3;
             UPDATE users u SET used_total = (SELECT sum(tx + rx) FROM usage_totals t WHERE t.user_no = u.number), quota = 1 << 30, expires_at = now() + interval '1 day'",
        )
        .await;
}
