//! The REST API through the real program: its router, its database, its directory.
mod bad_input;
mod devices;
mod events;
mod groups;
mod nodes;
mod outage;
mod secrets;
mod tokens;
mod traffic;
mod users;
