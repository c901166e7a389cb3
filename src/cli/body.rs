//! Bodies of requests: only what was said goes in, so that the API's own defaults hold.
use serde_json::{Map, Value};

/// A body that is being put together.
#[derive(Clone, Debug, Default)]
pub struct Body(Map<String, Value>);

impl Body {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Sets a field.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }
    /// Sets a field that was said.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
    /// Sets a list that has something in it.
    #[must_use]
    pub fn with_list(self, key: &str, values: &[impl ToString]) -> Self {
        if values.is_empty() {
            return self;
        }
        let values: Vec<Value> = values.iter().map(|v| v.to_string().into()).collect();
        self.with(key, values)
    }
    /// Sets a flag that was given.
    #[must_use]
    pub fn with_flag(self, key: &str, given: bool) -> Self {
        if given { self.with(key, true) } else { self }
    }
    /// Whether nothing was said at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Body> for Value {
    fn from(body: Body) -> Self {
        Self::Object(body.0)
    }
}
