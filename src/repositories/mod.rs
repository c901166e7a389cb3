//! The only room that speaks SQL. Functions take a connection, never the pool; services open the transactions.
pub mod directory;
