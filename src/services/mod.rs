//! What we do: one service a noun, the only place that opens transactions. No HTTP here.
pub mod accounting;
pub mod leases;
