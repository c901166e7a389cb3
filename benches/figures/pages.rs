//! Pages of every list at a million rows, through the real handler over one connection that is kept, and the same query in
//! `psql`.
use crate::{
    ground::{Ground, connect},
    hook::median,
    lists::{self, Case},
    load::{self, Latencies},
    people::{HERE, local},
    report::Report,
    whole::start,
};
use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hywarden::database::private;
use std::{
    cell::RefCell,
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::process::Command;
use tokio_postgres::Client;

/// Requests of one page; the first warms up.
const ROUNDS: usize = 11;
/// Of the same query in psql.
const PSQL_ROUNDS: usize = 5;
/// Of one that takes it long.
const MIXED_PSQL_ROUNDS: usize = 3;
const GOAL: f64 = 20.0;

/// What is known of one list.
#[derive(Default)]
struct Taken {
    all: Vec<Duration>,
    totals: Vec<Duration>,
    /// How long the slowest of them took, and what was asked for.
    slowest_total: Option<(Duration, String)>,
    /// Pages that were not full although more may follow.
    short: usize,
    /// Of each page: its median, what psql needs, what was asked for.
    pages: Vec<(f64, f64, String)>,
}

impl Taken {
    /// The figures of a list; gives how long its totals took, where a goal is set for them.
    fn write(mut self, report: &mut Report, list: &str) -> Vec<Duration> {
        let ms = |at: Duration| at.as_secs_f64() * 1e3;
        let latencies = Latencies::of(self.all, 0);
        let (half, most) = (ms(latencies.percentile(50)), ms(latencies.percentile(99)));
        report.note(&format!("{list}_page_p50_ms"), half);
        report.at_most(&format!("{list}_page_p99_ms"), most, GOAL);
        if list.ends_with("_mixed") {
            report.note(&format!("{list}_pages_short"), self.short as f64);
        }
        // what two filters show in all is counted row by row
        if list == "users_mixed" {
            let counted = Latencies::of(std::mem::take(&mut self.totals), 0);
            report.note(&format!("{list}_total_p99_ms"), ms(counted.percentile(99)));
        }
        if let Some((took, path)) = &self.slowest_total {
            eprintln!("  {list}, total: {:.1} ms, {path:.120}", ms(*took));
        }
        self.pages.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (median, psql, path) in self.pages.iter().take(3) {
            eprintln!("  {list}: {median:.1} ms, psql {psql:.1} ms, {path:.120}");
        }
        let slowest = self.pages.first().map_or(0.0, |page| page.0);
        report.note(&format!("{list}_slowest_page_ms"), slowest);
        let over = self.pages.iter().filter(|page| page.0 > GOAL).count();
        report.note(&format!("{list}_pages"), self.pages.len() as f64);
        report.note(&format!("{list}_pages_over_20_ms"), over as f64);
        let mut ratios: Vec<f64> = self.pages.iter().map(|page| page.0 / page.1).collect();
        report.note(&format!("{list}_page_to_psql"), median(&mut ratios));
        self.totals
    }
}

/// A page to be asked for.
struct Page {
    path: String,
    sql: String,
}

/// The program over a million of everything.
struct Lists {
    http: reqwest::Client,
    db: Client,
    url: String,
    rows: RefCell<HashMap<String, Option<(String, String)>>>,
}

impl Lists {
    /// Fills what is long, while the program runs: its own vacuum is what runs in production.
    async fn fill(ground: &Ground) -> Result<Self> {
        let lists = Self::open(ground).await?;
        let started = Instant::now();
        lists.db.batch_execute(include_str!("lists.sql")).await?;
        lists.db.batch_execute("VACUUM ANALYZE").await?;
        lists.db.batch_execute("CHECKPOINT").await?;
        eprintln!("filled lists in {:.0} s", started.elapsed().as_secs_f64());
        Ok(lists)
    }

    /// What is there already; filled if it is not.
    async fn ready(ground: &Ground) -> Result<Self> {
        let lists = Self::open(ground).await?;
        let filled = "SELECT EXISTS (SELECT FROM groups WHERE name = 'tenth')";
        if lists.db.query_one(filled, &[]).await?.get(0) {
            return Ok(lists);
        }
        Self::fill(ground).await
    }

    async fn open(ground: &Ground) -> Result<Self> {
        let (url, http) = (database(ground)?, local(ground)?);
        let db = connect(&url).await?;
        Ok(Self {
            http,
            db,
            url,
            rows: RefCell::default(),
        })
    }

    /// One request, until the whole answer is here; and whether the page came short.
    async fn get(&self, path: &str) -> Result<(Duration, bool)> {
        let started = Instant::now();
        let answer = self.http.get(format!("{HERE}{path}")).send();
        let answer = answer.await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let took = started.elapsed();
        ensure!(
            status == 200,
            "{path}: {status} {}",
            String::from_utf8_lossy(&body)
        );
        let page: serde_json::Value = serde_json::from_slice(&body)?;
        let items = page["items"].as_array().map_or(0, Vec::len);
        Ok((took, items < 100 && page["next_cursor"].is_string()))
    }

    /// A row's key, as the cursor has it and as SQL does.
    async fn row(&self, query: String) -> Result<Option<(String, String)>> {
        if let Some(known) = self.rows.borrow().get(&query) {
            return Ok(known.clone());
        }
        let row = self.db.query_opt(&query, &[]).await?;
        let row = row.map(|row| (row.get(0), row.get(1)));
        self.rows.borrow_mut().insert(query, row.clone());
        Ok(row)
    }

    /// The first page of a case, one in the middle, and the last.
    async fn pages(&self, case: &Case) -> Result<Vec<Page>> {
        let Case {
            from,
            condition,
            key,
            order,
            ..
        } = case;
        let (columns, end) = (order.join(", "), if case.descending { " DESC" } else { "" });
        let sorted = order.map_each(|column| format!("{column}{end}"));
        let back = order
            .map_each(|column| format!("{column}{}", if case.descending { "" } else { " DESC" }));
        let path = format!(
            "{}{}limit=100",
            case.path,
            if case.path.contains('?') { '&' } else { '?' }
        );
        let select = format!("SELECT * FROM {from} WHERE {condition}");
        let mut pages = vec![Page {
            path: path.clone(),
            sql: format!("{select} ORDER BY {sorted} LIMIT 101"),
        }];
        let literal = format!(
            "concat_ws(', ', {})",
            order.map_each(|c| format!("quote_literal({c})"))
        );
        // what is found by two filters may be nothing: the middle of all is as good a place to go on from
        let among = if case.is_mixed() {
            format!("{} IS NOT NULL", order[0])
        } else {
            condition.clone()
        };
        let half = format!("(SELECT count(*) / 2 FROM {from} WHERE {among})");
        let mut places = vec![(half, &sorted)];
        if !case.is_mixed() {
            places.push(("100".to_owned(), &back));
        }
        for (after, by) in places {
            let row = format!(
                "SELECT ({key})::text, {literal} FROM {from} WHERE {among} ORDER BY {by} OFFSET {after} LIMIT 1"
            );
            let Some((key, literal)) = self.row(row).await? else {
                continue;
            };
            let cursor = BASE64_URL_SAFE_NO_PAD.encode(key);
            let sign = if case.descending { '<' } else { '>' };
            // an event's place takes the place of where it starts
            let path = path.replace("after=start&", "");
            pages.push(Page {
                path: format!("{path}&cursor={cursor}"),
                sql: format!(
                    "{select} AND ({columns}) {sign} ({literal}) ORDER BY {sorted} LIMIT 101"
                ),
            });
        }
        Ok(pages)
    }

    async fn take(&self, case: &Case, taken: &mut Taken) -> Result<()> {
        let pages = self.pages(case).await?;
        let psql_rounds = if case.is_mixed() {
            MIXED_PSQL_ROUNDS
        } else {
            PSQL_ROUNDS
        };
        let psql = psql(&self.url, &pages, psql_rounds).await?;
        for (page, psql) in pages.iter().zip(psql) {
            let mut some = Vec::new();
            for round in 0..ROUNDS {
                let (took, short) = self.get(&page.path).await?;
                if round > 0 {
                    some.push(took);
                } else {
                    taken.short += usize::from(short);
                }
            }
            taken.all.extend(&some);
            let median = Latencies::of(some, 0).percentile(50).as_secs_f64() * 1e3;
            taken.pages.push((median, psql, page.path.clone()));
        }
        for _ in 0..if case.counts { 3 } else { 0 } {
            let path = format!("{}&total=true", pages[0].path);
            let (took, _) = self.get(&path).await?;
            taken.totals.push(took);
            taken.slowest_total = taken.slowest_total.take().max(Some((took, path)));
        }
        Ok(())
    }
}

trait MapEach {
    fn map_each(&self, of: impl Fn(&str) -> String) -> String;
}

impl MapEach for [&'static str] {
    fn map_each(&self, of: impl Fn(&str) -> String) -> String {
        self.iter()
            .map(|one| of(one))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Where the running program's PostgreSQL is.
pub fn database(ground: &Ground) -> Result<String> {
    let options = private::Options {
        root: ground.dir.join("postgres"),
        ..private::Options::default()
    };
    private::running_at(&options).context("the program's PostgreSQL")
}

/// Every page of every list.
pub async fn figures(report: &mut Report, ground: &Ground) -> Result<()> {
    let (server, _) = start(ground).await?;
    let lists = Lists::fill(ground).await?;
    let (cases, mut totals) = (lists::all(), Vec::new());
    for list in cases.chunk_by(|a, b| a.list == b.list) {
        let mut taken = Taken::default();
        for case in list {
            lists.take(case, &mut taken).await?;
        }
        totals.extend(taken.write(report, list[0].list));
    }
    let totals = Latencies::of(totals, 0);
    report.at_most(
        "total_p99_ms",
        totals.percentile(99).as_secs_f64() * 1e3,
        50.0,
    );
    server.stop().await
}

/// All users are changed at once and nothing cleans up behind it: what the first page costs, and those after it.
pub async fn after_a_mass_change(report: &mut Report, ground: &Ground) -> Result<()> {
    let (server, _) = start(ground).await?;
    let lists = Lists::ready(ground).await?;
    lists
        .db
        .batch_execute("ALTER TABLE users SET (autovacuum_enabled = off)")
        .await?;
    let started = Instant::now();
    lists
        .db
        .batch_execute("SET synchronous_commit = off; UPDATE users SET note = 'changed', version = version + 1 WHERE deleted_at IS NULL")
        .await?;
    eprintln!(
        "changed all users in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    let (mut first, mut later) = (Duration::ZERO, Vec::new());
    for case in lists::all().iter().filter(|case| case.list == "users") {
        for page in lists.pages(case).await? {
            for round in 0..6 {
                let (took, _) = lists.get(&page.path).await?;
                if round == 0 {
                    first = first.max(took);
                } else {
                    later.push(took);
                }
            }
        }
    }
    let later = Latencies::of(later, 0).percentile(99);
    report.note(
        "users_first_page_after_mass_change_max_ms",
        first.as_secs_f64() * 1e3,
    );
    report.at_most(
        "users_page_after_mass_change_p99_ms",
        later.as_secs_f64() * 1e3,
        GOAL,
    );
    lists
        .db
        .batch_execute("ALTER TABLE users RESET (autovacuum_enabled)")
        .await?;
    server.stop().await
}

/// The medians of the same queries, in milliseconds, as psql times them.
async fn psql(url: &str, pages: &[Page], rounds: usize) -> Result<Vec<f64>> {
    let mut text = "\\timing on\n\\o /dev/null\n".to_owned();
    for page in pages {
        text += "\\echo next\n";
        text += &format!("{};\n", page.sql).repeat(rounds);
    }
    let file = load::file("page.sql");
    std::fs::write(&file, text)?;
    let out = Command::new("psql")
        .arg(url)
        .args(["-v", "ON_ERROR_STOP=1", "-f"])
        .arg(&file)
        .output();
    let out = out.await?;
    ensure!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let time = |line: &str| {
        line.strip_prefix("Time: ")?
            .split(' ')
            .next()?
            .parse::<f64>()
            .ok()
    };
    let medians = text.split("next\n").skip(1).map(|part| {
        let mut times: Vec<f64> = part.lines().filter_map(time).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    });
    Ok(medians.collect())
}
