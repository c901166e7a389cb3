//! Logs: one JSON object a line on stderr, with `ts level target msg` first and a call's own fields beside them, among them
//! the `request_id` of the request that it was written for.
use super::{request::request_id, ring};
use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::{
    fmt::{self, Debug},
    io::{self, Write},
    sync::OnceLock,
};
use tracing::{Event, Level, Metadata, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    reload,
};

/// Lets every later line of the process go to stderr, from this level or by this filter.
pub fn install(level: &str) -> Result<()> {
    tracing::subscriber::set_global_default(subscriber(level, io::stderr)?)
        .context("logs are already set up")
}

/// What writes lines somewhere.
pub fn subscriber<W>(level: &str, to: W) -> Result<impl Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter_layer, handle) = reload::Layer::new(filter(level)?);
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Json)
        .with_writer(Tee(to));
    // the first subscriber of a process is its only one
    let _ = RELOAD.set(Box::new(move |level| {
        handle.reload(filter(level)?).context("the log's filter")
    }));
    Ok(tracing_subscriber::registry()
        .with(filter_layer)
        .with(lines))
}

fn filter(level: &str) -> Result<EnvFilter> {
    // how many workers start is no news; a filter that names them wins
    EnvFilter::try_new(format!("actix_server=warn,{level}"))
        .with_context(|| format!("log.level: `{level}`"))
}

type Reload = Box<dyn Fn(&str) -> Result<()> + Send + Sync>;
static RELOAD: OnceLock<Reload> = OnceLock::new();

/// From now on lines from this level on, or by this filter. Without a subscriber of ours nothing happens.
pub fn set_level(level: &str) -> Result<()> {
    match RELOAD.get() {
        Some(reload) => reload(level),
        None => filter(level).map(drop),
    }
}

/// Writes each line to its place and into the ring.
struct Tee<W>(W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for Tee<W> {
    type Writer = TeeWriter<W::Writer>;
    fn make_writer(&'w self) -> Self::Writer {
        TeeWriter(self.0.make_writer(), Level::ERROR)
    }
    fn make_writer_for(&'w self, meta: &Metadata<'_>) -> Self::Writer {
        TeeWriter(self.0.make_writer_for(meta), *meta.level())
    }
}

struct TeeWriter<W>(W, Level);

impl<W: Write> Write for TeeWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        ring::RING.push(self.1, line);
        // the line is in the ring once, so it is written as a whole here
        self.0.write_all(line)?;
        Ok(line.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
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
        if let Some(id) = request_id() {
            let ours = || Value::from(id.to_string());
            fields.0.entry("request_id").or_insert_with(ours);
        }
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
