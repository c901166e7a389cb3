//! Exact accounting: node → report → merge → database → acknowledgement (design, 2B).
//!
//! Pure: `observe` (what a raw answer says of the map), `plausible`, `report` (judges entries), `windows`, `settle`.
//! `merge` credits one report in one transaction; `crossings` derives what spans nodes in a second one; `clean_up`
//! empties a server's map and keeps the only copy; `reader` is the one loop that a node has; `opened` writes admissions.
pub mod observe;
pub mod opened;
pub mod plausible;
pub mod report;
pub mod settle;
pub mod windows;

pub use opened::{Opened, OpenedConnection};
