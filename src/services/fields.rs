//! Collects what is wrong with a request, so that one answer names every field.
use crate::error::{Error, FieldError, Result};

/// The wrong fields found so far.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// Takes a checked value, or notes what is wrong with the field.
    pub fn take<T>(&mut self, field: &str, value: Result<T, impl Into<String>>) -> Option<T> {
        value.map_err(|why| self.wrong(field, why)).ok()
    }
    /// Notes `message` unless `fine`.
    pub fn check(&mut self, fine: bool, field: &str, message: &str) {
        if !fine {
            self.wrong(field, message);
        }
    }
    /// Notes a wrong field.
    pub fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError {
            field: field.to_owned(),
            message: message.into(),
        });
    }
    /// Everything was fine, or all that was not.
    pub fn done(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.0))
        }
    }
}
