//! The database's ground: the private PostgreSQL and the migrations.
mod collation;
mod lists;
mod migrations;
mod notices;
mod private;
mod schema;
