//! What operators see: figures by their names, lines that are JSON.
use crate::support::{
    api::Api,
    house::{House, device, user},
};
use fake_node::FakeNode;
use hywarden::telemetry::{Metrics, listener, logs, metrics::Figures};
use serde_json::Value;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Page {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Page {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

#[test]
fn a_line_is_one_json_object() {
    let page = Page::default();
    let subscriber = logs::subscriber("info", page.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(
            node = "fra\"1\n",
            count = 3,
            ok = true,
            "a \"quoted\"\nline"
        );
        tracing::debug!("not at this level");
        tracing::error!(ts = "forged", "second");
    });
    let lines = page.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["level"], "info");
    assert_eq!(lines[0]["msg"], "a \"quoted\"\nline");
    assert_eq!(lines[0]["node"], "fra\"1\n");
    assert_eq!(lines[0]["count"], 3);
    assert_eq!(lines[0]["ok"], true);
    assert_eq!(lines[0]["target"], "api::telemetry");
    assert!(lines[0]["ts"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        lines[1]["ts_"], "forged",
        "a field cannot stand for one of ours"
    );
}

#[test]
fn a_wrong_level_is_refused_by_its_key() {
    let why = logs::subscriber("loud=please=", Page::default())
        .err()
        .unwrap();
    assert!(format!("{why:#}").contains("log.level"));
}

#[test]
fn a_nodes_counters_are_resolved_once() {
    let metrics = Metrics::new().unwrap();
    let node = metrics.hook_of("fra1", &["ok", "bad_secret"]);
    node.decided(1);
    node.decided(1);
    node.decided(7);
    node.took(0.003);
    let text = metrics.render().unwrap();
    for line in [
        "hywarden_hook_requests_total{decision=\"bad_secret\",node=\"fra1\"} 2",
        "hywarden_hook_requests_total{decision=\"ok\",node=\"fra1\"} 0",
        "hywarden_hook_duration_seconds_bucket{node=\"fra1\",le=\"0.005\"} 1",
        "process_resident_memory_bytes",
        "hywarden_build_info{version=",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn every_figure_is_named_as_prometheus_wants_it() {
    for name in Figures::NAMES {
        assert!(name.starts_with("hywarden_"), "{name}");
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{name}"
        );
    }
    let mut names = Figures::NAMES.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Figures::NAMES.len());
}

/// docs/operations.md speaks of figures that exist.
#[test]
fn the_documents_name_no_other_figures() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md"))
        .unwrap();
    let named = text
        .split('`')
        .filter(|word| word.starts_with("hywarden_"))
        .map(|word| word.split('{').next().unwrap());
    for name in named {
        assert!(Figures::NAMES.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn the_listener_serves_metrics_and_nothing_else() {
    let metrics = Metrics::new().unwrap();
    let refresh: listener::Refresh = Arc::new(|metrics| metrics.users_online.set(7));
    let (server, at) = listener::listen("127.0.0.1:0".parse().unwrap(), metrics, refresh).unwrap();
    let handle = server.handle();
    let running = tokio::spawn(server);
    let text = reqwest::get(format!("http://{at}/metrics")).await.unwrap();
    assert!(
        text.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(
        text.text()
            .await
            .unwrap()
            .contains("hywarden_users_online 7")
    );
    let other = reqwest::get(format!("http://{at}/api/v1/users"))
        .await
        .unwrap();
    assert_eq!(other.status(), 404);
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

/// The names of product.md 3.4 that this program has something to say about, after a login, a read and a request.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_program_fills_its_figures() {
    let (cert, key) = (
        tempfile::NamedTempFile::new().unwrap(),
        tempfile::NamedTempFile::new().unwrap(),
    );
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(cert.path(), pair.cert.pem()).unwrap();
    std::fs::write(key.path(), pair.signing_key.serialize_pem()).unwrap();
    let house = House::start(&[
        ("server.tls_cert", cert.path().to_str().unwrap()),
        ("server.tls_key", key.path().to_str().unwrap()),
    ])
    .await;
    let stats = FakeNode::start("s");
    let api = Api::local(&house);
    let node = serde_json::json!({"name": "fra1", "address": "n:443", "stats_url": stats.url(), "stats_secret": "s"});
    api.post("/nodes", node).await.is(201);
    house.device(user("bob"), device("phone")).await;
    api.get("/users/bob").await.is(200);
    api.get("/users/nobody").await.refused(404, "not_found");
    let metrics = format!("http://{}/metrics", house.app.addresses.metrics.unwrap());
    let text = async || reqwest::get(&metrics).await.unwrap().text().await.unwrap();
    while !text().await.contains("hywarden_node_up{node=\"fra1\"} 1") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    api.post("/nodes/fra1/disable", serde_json::json!({}))
        .await
        .is(200);
    house.services().accounting.count_everybody().await.unwrap();
    let text = text().await;
    for line in [
        "hywarden_node_state{node=\"fra1\",state=\"disabled\"} 1",
        "hywarden_node_state{node=\"fra1\",state=\"ok\"} 0",
        "hywarden_poll_duration_seconds_count{node=\"fra1\"} ",
        "hywarden_http_requests_total{method=\"GET\",route=\"/api/v1/users/{user}\",status=\"200\"} 1",
        "hywarden_http_requests_total{method=\"GET\",route=\"/api/v1/users/{user}\",status=\"404\"} 1",
        "hywarden_http_request_duration_seconds_count{method=\"GET\",route=\"/api/v1/users/{user}\"} 2",
        "hywarden_cert_expiry_timestamp_seconds{name=\"server\"} ",
        "hywarden_db_pool_connections{pool=\"api\",state=\"open\"} ",
        "hywarden_database_restarts_total 0",
        "hywarden_directory_devices 1",
        "hywarden_directory_lag_seconds ",
        "hywarden_users_online 0",
        "hywarden_users{status=\"active\"} 1",
        "hywarden_users{status=\"limited\"} 0",
        "hywarden_devices{status=\"active\"} 1",
        "hywarden_opened_dropped_total 0",
        "hywarden_redis_up 0",
        "hywarden_build_info{version=",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
