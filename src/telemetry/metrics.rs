//! The figures. Counting is one atomic addition; what is counted on every login is resolved once a node beforehand.
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};
use std::{ops::Deref, sync::Arc};

const HOOK: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const WORK: &[f64] = &[
    0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// All figures of the program; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Figures>);

impl Deref for Metrics {
    type Target = Figures;
    fn deref(&self) -> &Figures {
        &self.0
    }
}

/// One node's part of the hook's figures, resolved once.
#[derive(Clone, Debug)]
pub struct HookFigures {
    decisions: Box<[IntCounter]>,
    duration: Histogram,
}

impl HookFigures {
    /// One more answer with the decision of this index (in the order given to [`Metrics::hook_of`]).
    pub fn decided(&self, index: usize) {
        if let Some(counter) = self.decisions.get(index) {
            counter.inc();
        }
    }

    /// How long the answer took.
    pub fn took(&self, seconds: f64) {
        self.duration.observe(seconds);
    }
}

macro_rules! figures {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ident $(($($label:literal),+))? $([$buckets:ident])? = $name:literal;)+) => {
        /// Every figure by name.
        #[derive(Debug)]
        pub struct Figures {
            registry: Registry,
            $($(#[doc = $help])+ #[doc = concat!("\n`", $name, "`")] pub $field: $kind,)+
        }

        impl Figures {
            /// The names, for the documents and their test.
            pub const NAMES: &[&str] = &[$($name),+];

            fn new() -> prometheus::Result<Self> {
                let registry = Registry::new();
                Ok(Self {
                    $($field: register(&registry, figures!(@make $kind, $name, concat!($($help),+).trim() $(, [$($label),+])? $(; $buckets)?)?)?,)+
                    registry,
                })
            }
        }
    };
    (@make HistogramVec, $name:literal, $help:expr, $labels:expr; $buckets:ident) => {
        HistogramVec::new(HistogramOpts::new($name, $help).buckets($buckets.to_vec()), &$labels)
    };
    (@make Histogram, $name:literal, $help:expr; $buckets:ident) => {
        Histogram::with_opts(HistogramOpts::new($name, $help).buckets($buckets.to_vec()))
    };
    (@make $kind:ident, $name:literal, $help:expr, $labels:expr) => { $kind::new(Opts::new($name, $help), &$labels) };
    (@make $kind:ident, $name:literal, $help:expr) => { $kind::new($name, $help) };
}

figures! {
    /// Answers of the auth hook by decision code.
    hook_requests: IntCounterVec("node", "decision") = "hywarden_hook_requests_total";
    /// Time to answer the auth hook.
    hook_duration: HistogramVec("node")[HOOK] = "hywarden_hook_duration_seconds";
    /// Live devices that the directory holds.
    directory_devices: IntGauge = "hywarden_directory_devices";
    /// Age of the directory's last complete read of the change log.
    directory_lag: Gauge = "hywarden_directory_lag_seconds";
    /// Devices online on a node.
    devices_online: IntGaugeVec("node") = "hywarden_devices_online";
    /// Users with a device online.
    users_online: IntGauge = "hywarden_users_online";
    /// Users by status.
    users: IntGaugeVec("status") = "hywarden_users";
    /// Devices by status.
    devices: IntGaugeVec("status") = "hywarden_devices";
    /// Credited bytes; tx is the client's upload.
    traffic_bytes: IntCounterVec("node", "direction") = "hywarden_traffic_bytes_total";
    /// Whether the last read of the node's stats succeeded.
    node_up: IntGaugeVec("node") = "hywarden_node_up";
    /// 1 for the state that the node is in.
    node_state: IntGaugeVec("node", "state") = "hywarden_node_state";
    /// Time to read and parse a node's stats.
    poll_duration: HistogramVec("node")[WORK] = "hywarden_poll_duration_seconds";
    /// Reads of a node's stats that failed.
    poll_errors: IntCounterVec("node", "reason") = "hywarden_poll_errors_total";
    /// Reads that changed nothing: an older generation, a stale epoch.
    reports_ignored: IntCounterVec("node", "reason") = "hywarden_reports_ignored_total";
    /// At most so many bytes fell between a read and a clean-up whose answer was lost.
    cleanup_gap_bytes: IntCounterVec("node") = "hywarden_cleanup_gap_bytes_total";
    /// Entries put into quarantine.
    quarantine: IntCounterVec("node") = "hywarden_quarantine_total";
    /// Kicks asked of a node.
    kicks: IntCounterVec("node") = "hywarden_kicks_total";
    /// Opened connections whose row was dropped because the writer's queue was full.
    opened_dropped: IntCounter = "hywarden_opened_dropped_total";
    /// Attempts to deliver to webhooks.
    webhook_deliveries: IntCounterVec("result") = "hywarden_webhook_deliveries_total";
    /// Clients of the live channel.
    ws_clients: IntGauge = "hywarden_ws_clients";
    /// Clients of the live channel that were too slow.
    ws_dropped: IntCounter = "hywarden_ws_dropped_total";
    /// Runs of a background job that failed.
    job_failures: IntCounterVec("job") = "hywarden_job_failures_total";
    /// Passwords hashed, to be set or compared.
    password_hashes: IntCounter = "hywarden_password_hashes_total";
    /// Attempts of people to log in.
    logins: IntCounterVec("result") = "hywarden_logins_total";
    /// Requests refused because nobody known asked.
    unauthenticated: IntCounter = "hywarden_unauthenticated_total";
    /// Requests of the API by route pattern.
    http_requests: IntCounterVec("method", "route", "status") = "hywarden_http_requests_total";
    /// Time to answer a request of the API.
    http_duration: HistogramVec("method", "route")[WORK] = "hywarden_http_request_duration_seconds";
    /// Connections of a database pool by state.
    db_pool_connections: IntGaugeVec("pool", "state") = "hywarden_db_pool_connections";
    /// Starts of the private PostgreSQL after it ended by itself.
    database_restarts: IntCounter = "hywarden_database_restarts_total";
    /// Whether Redis answers. 0, as without Redis: leases are kept in memory.
    redis_up: IntGauge = "hywarden_redis_up";
    /// When a certificate in use ends, in seconds since 1970.
    cert_expiry: GaugeVec("name") = "hywarden_cert_expiry_timestamp_seconds";
    /// 1, with the version.
    build_info: IntGaugeVec("version") = "hywarden_build_info";
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    figure: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(figure.clone()))?;
    Ok(figure)
}

impl Metrics {
    /// A registry with every figure, and the process' own.
    pub fn new() -> anyhow::Result<Self> {
        let figures = Figures::new()?;
        figures.registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        figures
            .build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Ok(Self(Arc::new(figures)))
    }

    /// A node's counters for these decisions, in this order, to be kept beside the node.
    pub fn hook_of(&self, node: &str, decisions: &[&str]) -> HookFigures {
        HookFigures {
            decisions: decisions
                .iter()
                .map(|code| self.hook_requests.with_label_values(&[node, code]))
                .collect(),
            duration: self.hook_duration.with_label_values(&[node]),
        }
    }

    /// Everything in Prometheus' text form.
    pub fn render(&self) -> anyhow::Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}
