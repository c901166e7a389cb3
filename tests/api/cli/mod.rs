//! The command line as scripts meet it: the real binary, each verb a process, on a program with its own PostgreSQL.
mod admin;
mod devices;
mod doctor;
mod events;
mod logins;
mod nodes;
mod plans;
mod program;
mod tokens;
mod usage;
mod users;
