//! What all batches say of what could not be done to one.
use super::codes;
use crate::error::Error;
use actix_web::ResponseError;
use serde::Serialize;
use utoipa::ToSchema;

/// Why something could not be done to one.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refused {
    /// What the verb alone would have answered.
    #[serde(skip)]
    pub status: u16,
    /// Stable word for programs.
    #[schema(schema_with = codes::schema)]
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
}

impl From<&Error> for Refused {
    fn from(error: &Error) -> Self {
        Self {
            status: error.status_code().as_u16(),
            code: error.word(),
            detail: error.to_string(),
        }
    }
}
