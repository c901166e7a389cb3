//! The whole program inside the test, on a database of its own, behind its real doors.
use super::database::{TestDatabase, database};
use hywarden::{
    app::{App, Parts},
    clock::{Clock, SystemClock},
    config::{Settings, Sources},
    services::{
        Services,
        callers::Caller,
        devices::{CreateDevice, DeviceSecret},
        idempotency::Keep,
        nodes::{CreateNode, NodeReady},
        users::CreateUser,
    },
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

pub struct House {
    pub app: App,
    pub test: TestDatabase,
    pub dir: tempfile::TempDir,
}

impl House {
    /// With the system's clock and these settings beside the tests' own.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::on(database().await, Arc::new(SystemClock), settings).await
    }

    /// With a configuration file that the test may change.
    pub async fn with_file(file: &Path, settings: &[(&str, &str)]) -> Self {
        let clock = Arc::new(SystemClock);
        Self::of(database().await, clock, Some(file.to_owned()), settings).await
    }

    /// On this database and this clock.
    pub async fn on(test: TestDatabase, clock: Arc<dyn Clock>, settings: &[(&str, &str)]) -> Self {
        Self::of(test, clock, None, settings).await
    }

    async fn of(
        test: TestDatabase,
        clock: Arc<dyn Clock>,
        file: Option<PathBuf>,
        settings: &[(&str, &str)],
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let given = [
            ("data_dir", dir.path().to_str().unwrap()),
            ("database.url", &test.url),
            ("server.listen", "127.0.0.1:0"),
            ("server.workers", "1"),
            ("metrics.listen", "127.0.0.1:0"),
        ];
        let flags = given
            .iter()
            .chain(settings)
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let settings = Settings::load(&Sources {
            file,
            flags,
            ..Sources::default()
        })
        .unwrap();
        let app = Box::pin(App::start(&settings, clock)).await.unwrap();
        Self { app, test, dir }
    }

    /// Another instance on the same database, with the same keys.
    pub async fn beside(other: &Self, settings: &[(&str, &str)]) -> Self {
        let same = TestDatabase {
            name: other.test.name.clone(),
            url: other.test.url.clone(),
        };
        let keys = other.dir.path().join("keys.toml");
        let settings = [settings, &[("keys.file", keys.to_str().unwrap())]].concat();
        Self::on(same, Arc::new(SystemClock), &settings).await
    }

    pub fn parts(&self) -> &Parts {
        self.app.parts()
    }

    pub fn services(&self) -> &Services {
        &self.app.parts().services
    }

    /// `http://host:port` of the API and the hook.
    pub fn url(&self) -> String {
        format!("http://{}", self.app.addresses.api)
    }

    /// A node whose stats nobody serves, which is all that logins need.
    pub async fn node(&self, name: &str, stats_port: u16) -> NodeReady {
        let create = CreateNode {
            name: name.to_owned(),
            address: "node.test:443".to_owned(),
            stats_url: format!("http://127.0.0.1:{stats_port}"),
            ..CreateNode::default()
        };
        self.services()
            .nodes
            .create("test", &create, &Keep::nothing())
            .await
            .unwrap()
    }

    /// A user with one device.
    pub async fn device(&self, user: CreateUser, device: CreateDevice) -> DeviceSecret {
        let made = self
            .services()
            .users
            .create(&Caller::trusted("test"), &user, &Keep::nothing())
            .await
            .unwrap();
        let who = made.user.name.as_str().into();
        self.services()
            .devices
            .create(&Caller::trusted("test"), &who, &device, &Keep::nothing())
            .await
            .unwrap()
    }
}

/// A user by name.
pub fn user(name: &str) -> CreateUser {
    CreateUser {
        name: name.to_owned(),
        ..CreateUser::default()
    }
}

/// A device by name, with a secret of ours.
pub fn device(name: &str) -> CreateDevice {
    CreateDevice {
        name: name.to_owned(),
        ..CreateDevice::default()
    }
}
