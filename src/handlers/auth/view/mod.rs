//! What logins look like over HTTP, a file for each file of handlers.
pub mod doors;
pub mod login;
pub mod own;
pub mod sessions;
