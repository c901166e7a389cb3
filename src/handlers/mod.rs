//! HTTP in, HTTP out: no rule and no SQL lives here. The permission a route needs stands in its handler's signature
//! (`May<UsersWrite>`), the shape of what it takes and gives in the views beside it; `problem` is the one place where
//! an error becomes an answer.
pub mod admin;
pub mod aliases;
pub mod audit;
pub mod auth;
pub mod batch;
pub mod browser;
pub mod client;
pub mod devices;
pub mod edge;
pub mod etag;
pub mod events;
pub mod groups;
pub mod hook;
pub mod hysteria;
pub mod idempotency;
pub mod json;
pub mod keys;
pub mod later;
pub mod live;
pub mod logs;
pub mod nodes;
pub mod page;
pub mod plans;
pub mod principal;
pub mod problem;
pub mod public;
pub mod quarantine;
pub mod query;
pub mod stats;
pub mod system;
pub mod tokens;
pub mod traffic;
pub mod users;
pub mod webhooks;
