//! Usage row by row: CSV and NDJSON, streamed part by part.
use crate::{
    error::{Error, Result},
    handlers::{
        line::Line,
        principal::{May, Scope, TrafficRead},
        problem::Problem,
        query::Params,
        reader::{self, Left},
        stats::StepWord,
    },
    models::{Named, maybe_storable},
    services::{
        Services,
        callers::Caller,
        live::Live,
        reports::{ExportOf, Step, Usage},
    },
};
use actix_web::{
    HttpRequest, HttpResponse, get, rt,
    web::{Bytes, Data},
};
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    #[default]
    Csv,
    Ndjson,
}

/// Which rows, and how they are written.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `csv` or `ndjson`.
    #[serde(default)]
    #[param(inline)]
    pub format: Form,
    /// `hour` or `day`.
    pub step: Option<StepWord>,
    #[serde(default, deserialize_with = "maybe_storable")]
    pub from: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "maybe_storable")]
    pub to: Option<DateTime<Utc>>,
    /// Of this user alone: id or name.
    pub user: Option<String>,
    /// Of this node alone: id or name.
    pub node: Option<String>,
}

const HEAD: &str = "at,user_id,user,device_id,device,node_id,node,tx,rx\r\n";

/// All usage by hour or day, as long as it is: streamed, in the order of users, devices, nodes and time.
#[utoipa::path(tag = "traffic", params(ExportQuery), responses((status = 200, content((String = "text/csv"), (String = "application/x-ndjson"))), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
#[get("/traffic/export")]
pub async fn export_traffic(
    may: May<TrafficRead>,
    req: HttpRequest,
    app: Data<Services>,
    query: Params<ExportQuery>,
) -> Result<HttpResponse> {
    let Params(query) = query;
    let of = ExportOf {
        step: query.step.map_or(Step::Hour, Step::from),
        from: query.from,
        to: query.to,
        user: query.user.as_deref().map(Named::from),
        node: query.node.as_deref().map(Named::from),
    };
    let parts = app.reports.export(&may.name, &of).await?;
    let parts = while_may(Box::pin(parts), app.live.clone(), may.0);
    let form = query.format;
    let rows = parts.map_ok(move |part| Bytes::from(written(form, &part)));
    let (kind, name, head) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "traffic.csv", HEAD),
        Form::Ndjson => ("application/x-ndjson", "traffic.ndjson", ""),
    };
    let head = stream::iter(
        (!head.is_empty()).then(|| Ok::<_, Error>(Bytes::from_static(head.as_bytes()))),
    );
    let (parts, reader) = reader::seen(Box::pin(head.chain(rows)));
    let (line, patience) = (Line::of(&req), app.reports.patience);
    rt::spawn(async move {
        if reader.left(patience).await == Left::Stuck {
            line.cut();
        }
    });
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((
            "content-disposition",
            format!("attachment; filename=\"{name}\""),
        ))
        .insert_header(("cache-control", "no-store"))
        .streaming(Box::pin(parts)))
}

/// The parts, as long as whoever began may read them: an export may outlast a login.
fn while_may<S>(parts: S, live: Live, caller: Caller) -> impl Stream<Item = Result<Vec<Usage>>>
where
    S: Stream<Item = Result<Vec<Usage>>> + Unpin,
{
    stream::try_unfold((parts, live, caller), |(mut parts, live, caller)| async {
        let now = live.still(&caller).await?;
        if !now.is_some_and(|now| now.holds(TrafficRead::NAME)) {
            return Err(Error::Unauthenticated);
        }
        let part = parts.try_next().await?;
        Ok(part.map(|part| (part, (parts, live, caller))))
    })
}

fn written(form: Form, part: &[Usage]) -> String {
    let mut text = String::with_capacity(part.len() * 160);
    for row in part {
        let at = row.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        match form {
            Form::Csv => {
                let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
                let fields = [
                    at,
                    id(row.user_id),
                    field(row.user.as_deref()),
                    id(row.device_id),
                    field(row.device.as_deref()),
                    id(row.node_id),
                    field(row.node.as_deref()),
                    row.tx.to_string(),
                    row.rx.to_string(),
                ];
                text += &fields.join(",");
                text += "\r\n";
            }
            Form::Ndjson => {
                let line = json!({
                    "at": at, "user_id": row.user_id, "user": row.user, "device_id": row.device_id,
                    "device": row.device, "node_id": row.node_id, "node": row.node, "tx": row.tx, "rx": row.rx,
                });
                text += &line.to_string();
                text.push('\n');
            }
        }
    }
    text
}

/// A name as a field of CSV: quoted where it must be, and never a formula of whoever opens it in a spreadsheet.
fn field(name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    let guard = if name.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !name.contains(['"', ',', '\n', '\r']) {
        return name.to_owned();
    }
    format!("\"{guard}{}\"", name.replace('"', "\"\""))
}
