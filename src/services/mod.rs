//! What the program does, one noun a file. Services own transactions and call repositories; they know no HTTP.
pub mod accounting;
pub mod admission;
pub mod devices;
pub mod directory;
pub mod enforcement;
pub mod fields;
pub mod groups;
pub mod instance;
pub mod keys;
pub mod leases;
pub mod links;
pub mod nodes;
pub mod store;
pub mod tokens;
pub mod traffic;
pub mod users;
