//! Exact accounting: node → report → merge → database → acknowledgement (design, 2B).
//!
//! Pure: `observe` (what a raw answer says of the map), `plausible`, `report` (judges entries), `windows`, `settle`.
//! `merge` credits one report in one transaction; `crossings` derives what spans nodes in a second one; `clean_up`
//! empties a server's map and keeps the only copy; `reader` is the one loop that a node has; `opened` writes admissions.
mod census;
pub mod clean_up;
mod crossings;
mod lease;
mod merge;
pub mod observe;
pub mod opened;
pub mod pace;
pub mod plausible;
mod quarantine;
pub mod reader;
pub mod report;
mod retention;
pub mod settle;
mod sources;
pub mod windows;

pub use crate::repositories::readings::{Lease, Source};
pub use crossings::Level;
pub use lease::Leasing;
pub use merge::{Credit, Delivery, Merged};
pub use opened::{Journal, Opened, OpenedConnection, OpenedWriter};
pub use reader::{Context, End, Outcome, Reader};
pub use retention::Retention;
pub use sources::Sources;

use crate::{
    admission::IdKeys, clock::Clock, config, repositories::Db, telemetry::metrics::Metrics,
};
use chrono_tz::Tz;
use settle::Rules;
use std::{path::PathBuf, sync::Arc};

/// What all of accounting works with.
pub struct Accounting {
    db: Db,
    clock: Arc<dyn Clock>,
    keys: Arc<IdKeys>,
    settings: config::Accounting,
    rules: Rules,
    retention: Retention,
    /// Where the answers of clean-ups stand until they are merged.
    spool: PathBuf,
    metrics: Metrics,
}

/// What accounting is made of.
pub struct Parts {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<IdKeys>,
    pub settings: config::Accounting,
    pub retention: Retention,
    /// Where days, weeks and months of quota windows begin.
    pub zone: Tz,
    pub data_dir: PathBuf,
    pub metrics: Metrics,
}

impl Accounting {
    /// Accounting over this database, with its spool in the data directory.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            db,
            clock,
            keys,
            settings,
            retention,
            zone,
            data_dir,
            metrics,
        } = parts;
        let mut thresholds: Vec<i16> = settings.thresholds.iter().map(|p| i16::from(*p)).collect();
        thresholds.sort_unstable();
        Self {
            db,
            clock,
            keys,
            rules: Rules { zone, thresholds },
            retention,
            settings,
            spool: data_dir.join("clean-up"),
            metrics,
        }
    }
}
