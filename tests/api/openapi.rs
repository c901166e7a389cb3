//! The committed document. What it promises of every route is held by `matrix`.
use crate::support::written;
use hywarden::openapi;

#[test]
fn the_openapi_document_is_up_to_date() {
    written("docs/openapi.json", &openapi::json().unwrap(), "make api");
}
