//! The database's ground: the private PostgreSQL and the migrations.
mod lists;
mod migrations;
mod notices;
mod private;
mod schema;
