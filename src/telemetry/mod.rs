//! What operators see of the running program: JSON logs, and figures for Prometheus under the prefix `hywarden_`.
//! Knows nothing above: names of nodes and codes arrive as text. No secret, no path of a request goes in.
pub mod listener;
pub mod logs;
pub mod metrics;
pub mod request;
pub mod ring;

pub use metrics::Metrics;
