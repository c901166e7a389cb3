//! What admins see at a glance, and what they switch.
mod switches;
mod view;

use super::{
    principal::{AdminRead, May},
    problem::Problem,
    query::Params,
    stats::OnlineView,
    traffic::{TrafficView, view::OfTime},
};
use crate::{error::Result, services::Services};
use actix_web::{HttpResponse, get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;
use view::{DashboardView, JobView, JobsView, LoopView, RankedView, StatusCount, UsersReportView};

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(show_dashboard)
        .service(show_users_report)
        .service(show_traffic_report)
        .service(list_jobs)
        .configure(switches::routes);
}

/// Everything at a glance.
#[utoipa::path(tag = "admin", responses((status = 200, body = DashboardView)))]
#[get("/admin/dashboard")]
async fn show_dashboard(_may: May<AdminRead>, app: Data<Services>) -> Result<HttpResponse> {
    let shown = app.reports.dashboard().await?;
    let switches = app.switches.now();
    Ok(HttpResponse::Ok().json(DashboardView {
        users: StatusCount::list(shown.users),
        devices: shown.counts.devices,
        blocked_devices: shown.counts.blocked_devices,
        nodes: shown.counts.nodes,
        disabled_nodes: shown.counts.disabled_nodes,
        unreadable_nodes: shown.counts.unreadable_nodes,
        online: OnlineView::of(&app),
        today: shown.today.into(),
        week: shown.week.into(),
        month: shown.month.into(),
        alarms: shown.counts.alarms,
        warnings: shown.counts.warnings,
        quarantine: shown.counts.quarantine,
        maintenance: switches.maintenance,
        banner: switches.banner.clone(),
    }))
}

/// Users who are worth a look: most used, ending soon, near their quota.
#[utoipa::path(tag = "admin", responses((status = 200, body = UsersReportView)))]
#[get("/admin/users")]
async fn show_users_report(_may: May<AdminRead>, app: Data<Services>) -> Result<HttpResponse> {
    let report = app.reports.users().await?;
    Ok(HttpResponse::Ok().json(UsersReportView {
        by_status: StatusCount::list(report.by_status),
        most_used: RankedView::list(report.most_used),
        expiring: RankedView::list(report.expiring),
        near_quota: RankedView::list(report.near_quota),
    }))
}

/// All bytes, by user and by node.
#[utoipa::path(tag = "admin", params(OfTime), responses((status = 200, body = TrafficView), (status = 422, body = Problem)))]
#[get("/admin/traffic")]
async fn show_traffic_report(
    _may: May<AdminRead>,
    app: Data<Services>,
    query: Params<OfTime>,
) -> Result<HttpResponse> {
    let traced = app.reports.summary(query.0.from, query.0.to).await?;
    Ok(HttpResponse::Ok().json(TrafficView::from(traced)))
}

/// What background jobs have before them, and how the loops of this instance go.
#[utoipa::path(tag = "admin", responses((status = 200, body = JobsView)))]
#[get("/admin/jobs")]
async fn list_jobs(_may: May<AdminRead>, app: Data<Services>) -> Result<HttpResponse> {
    let waiting = app.reports.waiting().await?.into_iter();
    let items = waiting.map(|job| JobView {
        job: job.job,
        waiting: job.waiting,
        oldest_at: job.oldest_at,
    });
    Ok(HttpResponse::Ok().json(JobsView {
        items: items.collect(),
        loops: app.rounds.all().into_iter().map(LoopView::from).collect(),
    }))
}
