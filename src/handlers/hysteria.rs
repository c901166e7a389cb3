//! What a device's client is configured with, over HTTP: its profile, and the configuration that it makes.
use super::{
    etag::{IfMatch, tag},
    idempotency::Once,
    json::Json,
    principal::{DevicesWrite, Reach, SecretsRead},
    problem::Problem,
};
use crate::{
    error::Result,
    models::{DeviceId, Mode, WantedObfs},
    services::{
        Services,
        idempotency::Keep,
        profiles::{ProfileDetail, ProfileTerms},
        store::Seen,
    },
};
use actix_web::{
    HttpResponse, delete, get, post, put,
    web::{Data, Path},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(show_profile)
        .service(create_profile)
        .service(replace_profile)
        .service(delete_profile);
}

/// All that a profile says; what is absent is the default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    /// Id or name; absent: the first that is permitted.
    pub node: Option<String>,
    /// Only nodes with this disguise.
    pub obfs: Option<WantedObfs>,
    /// Bytes a second that the client's line carries up; absent: Hysteria finds out.
    #[schema(minimum = 65536)]
    pub up: Option<i64>,
    /// Bytes a second that it carries down.
    #[schema(minimum = 65536)]
    pub down: Option<i64>,
    /// What the client offers to the programs on its machine; `socks5` when nothing is said.
    pub mode: Option<Mode>,
    /// `address:port` where it offers that; absent: 127.0.0.1 with 1080 or 8080.
    pub listen: Option<String>,
    /// Connect with the first request and not before.
    #[serde(default)]
    pub lazy: bool,
    /// Answer programs before the server has answered.
    #[serde(default)]
    pub fast_open: bool,
}

impl From<ProfileBody> for ProfileTerms {
    fn from(body: ProfileBody) -> Self {
        Self {
            node: body.node,
            obfs: body.obfs,
            up: body.up,
            down: body.down,
            mode: body.mode,
            listen: body.listen,
            lazy: body.lazy,
            fast_open: body.fast_open,
        }
    }
}

/// A device's profile, and the official client's configuration that it makes, with the device's secret.
#[derive(Serialize, ToSchema)]
pub struct ProfileView {
    /// The node's name; `null`: the first that is permitted.
    pub node: Option<String>,
    pub obfs: Option<WantedObfs>,
    pub up: Option<i64>,
    pub down: Option<i64>,
    pub mode: Mode,
    pub listen: Option<String>,
    pub lazy: bool,
    pub fast_open: bool,
    /// Rises with each change, 0 for the defaults; in quotes it is the ETag.
    pub version: i64,
    /// The client's configuration; `null`: the caller may not be shown secrets again (`secrets:read`).
    pub config: Option<serde_json::Value>,
    /// The same as YAML.
    pub config_yaml: Option<String>,
}

impl From<ProfileDetail> for ProfileView {
    fn from(detail: ProfileDetail) -> Self {
        let profile = detail.profile;
        let (config, config_yaml) = detail.config.unzip();
        Self {
            node: detail.node,
            obfs: profile.obfs,
            up: profile.up,
            down: profile.down,
            mode: profile.mode,
            listen: profile.listen,
            lazy: profile.lazy,
            fast_open: profile.fast_open,
            version: profile.version,
            config,
            config_yaml,
        }
    }
}

fn tagged(detail: ProfileDetail) -> HttpResponse {
    tag(HttpResponse::Ok(), detail.profile.version)
        .insert_header(("cache-control", "no-store"))
        .json(ProfileView::from(detail))
}

/// Show a device's profile and its client's configuration.
#[utoipa::path(tag = "hysteria", params(("user" = String, Path, description = "Id or name"), ("device" = DeviceId, Path)), responses((status = 200, body = ProfileView), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[get("/hysteria/config/{user}/{device}")]
async fn show_profile(
    by: Reach<SecretsRead>,
    app: Data<Services>,
    path: Path<(String, DeviceId)>,
) -> Result<HttpResponse> {
    let user = by.to_user(&app, &path.0).await?;
    let detail = app.profiles.find(&by.name, &user, path.1).await?;
    Ok(tagged(detail))
}

/// Give a device that has none a profile.
#[utoipa::path(tag = "hysteria", params(Once, ("user" = String, Path, description = "Id or name"), ("device" = DeviceId, Path)), request_body = ProfileBody, responses((status = 201, body = ProfileView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/hysteria/config/{user}/{device}")]
async fn create_profile(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    path: Path<(String, DeviceId)>,
    once: Once,
    body: Json<ProfileBody>,
) -> Result<HttpResponse> {
    let (user, terms) = (by.to_user(&app, &path.0).await?, body.0.into());
    let of = (&user, path.1);
    once.created::<_, ProfileView>(&app, async |keep| {
        let fresh = (true, &Seen::Anything);
        app.profiles.put(&by, of, &terms, fresh, keep).await
    })
    .await
}

/// Set a device's profile, whole.
#[utoipa::path(tag = "hysteria", params(IfMatch, ("user" = String, Path, description = "Id or name"), ("device" = DeviceId, Path)), request_body = ProfileBody, responses((status = 200, body = ProfileView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[put("/hysteria/config/{user}/{device}")]
async fn replace_profile(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    path: Path<(String, DeviceId)>,
    seen: IfMatch,
    body: Json<ProfileBody>,
) -> Result<HttpResponse> {
    let (user, terms) = (by.to_user(&app, &path.0).await?, body.0.into());
    let (of, how) = ((&user, path.1), (false, &seen.0));
    let keep = Keep::nothing();
    let done = app.profiles.put(&by, of, &terms, how, &keep).await?;
    Ok(tagged(done))
}

/// Take a device's profile away: it has the defaults again.
#[utoipa::path(tag = "hysteria", params(("user" = String, Path, description = "Id or name"), ("device" = DeviceId, Path)), responses((status = 204, description = "Removed"), (status = 404, body = Problem)))]
#[delete("/hysteria/config/{user}/{device}")]
async fn delete_profile(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    path: Path<(String, DeviceId)>,
) -> Result<HttpResponse> {
    let user = by.to_user(&app, &path.0).await?;
    app.profiles.delete(&by, &user, path.1).await?;
    Ok(HttpResponse::NoContent().finish())
}
