//! `parser`: every shape of answer, in any pieces. `wire`: the questions over real HTTP, and every way to fail.
mod parser;
mod wire;
