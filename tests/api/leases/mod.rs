//! Leases: the same suite over memory and over Redis, and what only several instances can show.
mod flushes;
mod instances;
mod model;
mod registration;
mod rules;
mod world;
