//! The API as its document describes it, held to it by programs that are not ours.
mod docs_page;
mod document;
mod schemathesis;
mod typescript;
