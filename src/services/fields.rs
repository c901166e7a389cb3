//! Collects what is wrong with a request, so that one answer names every field.
//!
//! Lengths and ranges are declared beside the fields themselves (`validator`); what needs a clock, a setting or a parser is
//! checked in words and joins them here.
use crate::error::{Error, FieldError, Result};
use serde_json::Value;
use validator::{Validate, ValidationError};

/// The longest note, in characters.
pub const NOTE: u64 = 4_096;

/// The wrong fields found so far.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// What the declarations say of an input: its fields by name, each with its first fault.
    pub fn declared(input: &impl Validate) -> Self {
        let Err(found) = input.validate() else {
            return Self::default();
        };
        let mut wrong: Vec<FieldError> = found
            .field_errors()
            .into_iter()
            .filter_map(|(field, faults)| {
                Some(FieldError {
                    field: field.into_owned(),
                    message: sentence(faults.first()?),
                })
            })
            .collect();
        wrong.sort_by(|a, b| a.field.cmp(&b.field));
        Self(wrong)
    }
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

/// What a declaration asks for, in words.
fn sentence(fault: &ValidationError) -> String {
    let of = |name: &'static str| fault.params.get(name);
    let what = match (&*fault.code, of("value")) {
        ("length", Some(Value::Array(_))) => "hold {} entries",
        ("length", _) => "have {} characters",
        _ => "be {}",
    };
    let bounds = match (of("min"), of("max")) {
        (Some(min), None) if what.starts_with("hold") && min.as_i64() == Some(1) => {
            return "must not be empty".to_owned();
        }
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) if min.as_i64() == Some(0) => return "must not be negative".to_owned(),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => return fault.code.clone().into_owned(),
    };
    format!("must {}", what.replace("{}", &bounds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Validate)]
    struct Input {
        #[validate(length(max = 3))]
        text: String,
        #[validate(length(min = 1))]
        list: Vec<String>,
        #[validate(range(min = 0))]
        size: Option<Option<i64>>,
        #[validate(range(min = 1, max = 9))]
        count: Option<i16>,
    }

    fn told(text: &str, list: &[&str], size: Option<Option<i64>>, count: Option<i16>) -> String {
        let list = list.iter().map(|s| (*s).to_owned()).collect();
        let text = text.to_owned();
        let input = Input {
            text,
            list,
            size,
            count,
        };
        match Fields::declared(&input).done() {
            Ok(()) => String::new(),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn declarations_are_told_in_words_field_by_field() {
        assert_eq!(told("äöü", &["x"], Some(None), None), "");
        assert_eq!(told("", &["x"], None, Some(9)), "");
        assert_eq!(
            told("four", &[], Some(Some(-1)), Some(10)),
            "invalid: count: must be 1 to 9; list: must not be empty; size: must not be negative; \
             text: must have at most 3 characters"
        );
    }
}
