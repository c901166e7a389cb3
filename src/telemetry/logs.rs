//! Logs: one JSON object a line on stderr, with `ts level target msg` first and a call's own fields beside them.
use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::fmt::{self, Debug};
use tracing::{Event, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    registry::LookupSpan,
};

/// Lets every later line of the process go to stderr, from this level or by this filter.
pub fn install(level: &str) -> Result<()> {
    tracing::subscriber::set_global_default(subscriber(level, std::io::stderr)?)
        .context("logs are already set up")
}

/// What writes lines somewhere.
pub fn subscriber<W>(level: &str, to: W) -> Result<impl Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // how many workers start is no news; a filter that names them wins
    let filter = EnvFilter::try_new(format!("actix_server=warn,{level}"))
        .with_context(|| format!("log.level: `{level}`"))?;
    Ok(tracing_subscriber::fmt()
        .with_env_filter(filter)
        .event_format(Json)
        .with_writer(to)
        .finish())
}

struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let meta = event.metadata();
        let msg = fields.0.remove("message").unwrap_or_default();
        let now = tracing_subscriber::fmt::time::FormatTime::format_time;
        let mut ts = String::new();
        now(
            &tracing_subscriber::fmt::time::SystemTime,
            &mut Writer::new(&mut ts),
        )?;
        write!(
            to,
            "{{\"ts\":\"{ts}\",\"level\":\"{}\",\"target\":{},\"msg\":{msg}",
            meta.level().as_str().to_ascii_lowercase(),
            Value::from(meta.target()),
        )?;
        for (name, value) in &fields.0 {
            write!(to, ",{}:{value}", Value::from(name.as_str()))?;
        }
        writeln!(to, "}}")
    }
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

/// What stands in front of every line; a field of the same name gets a mark.
const OURS: [&str; 4] = ["ts", "level", "target", "msg"];

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let mut name = field.name().to_owned();
        if OURS.contains(&field.name()) {
            name.push('_');
        }
        self.0.insert(name, value.into());
    }
}
