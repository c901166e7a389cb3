//! What each verb works with: the client, the printer, and how objects are found by name.
use super::{
    client::Client,
    failure::Failure,
    output::{Column, Printer},
    path::Path,
};
use serde_json::{Value, json};

/// Objects a page when all are wanted.
const PAGE: u64 = 100;

/// The client and the printer of one command.
pub struct Console {
    pub api: Client,
    pub out: Printer,
}

impl Console {
    /// Writes the objects at `path` in `columns`, page by page, all or the first `limit`.
    pub async fn list(
        &mut self,
        path: Path,
        columns: &[Column],
        limit: Option<u64>,
        nothing: &str,
    ) -> Result<(), Failure> {
        let mut list = self.out.list(columns);
        let mut left = limit.unwrap_or(u64::MAX);
        let mut cursor = None::<String>;
        while left > 0 {
            let page = path
                .clone()
                .with("limit", &left.min(PAGE))
                .with_some("cursor", cursor.take());
            let answer = self.api.get(&page).await?;
            let items = items(&answer)?;
            list.page(items)?;
            left = left.saturating_sub(u64::try_from(items.len()).unwrap_or(u64::MAX));
            cursor = next_cursor(&answer);
            if cursor.is_none() {
                break;
            }
        }
        list.end(nothing)
    }

    /// Says that something is done that has no answer of its own.
    pub fn done(&mut self, sentence: &str) -> Result<(), Failure> {
        self.out
            .answer(&json!({ "done": true }), |_| format!("{sentence}\n"))
    }

    /// The id of a device named by its id or as `USER/NAME`.
    pub async fn device(&self, device: &str) -> Result<String, Failure> {
        let Some((user, name)) = device.split_once('/') else {
            if uuid::Uuid::try_parse(device).is_err() {
                return Err(Failure::usage(format!(
                    "device {device:?}: name a device by its id or as USER/NAME"
                )));
            }
            return Ok(device.to_owned());
        };
        let path = Path::of(&["users", user, "devices"])?.with("limit", &PAGE);
        let mut cursor = None::<String>;
        loop {
            let page = path.clone().with_some("cursor", cursor);
            let answer = self.api.get(&page).await?;
            let found = items(&answer)?
                .iter()
                .find(|device| device.get("name").and_then(Value::as_str) == Some(name))
                .and_then(|device| device.get("id"))
                .and_then(Value::as_str);
            if let Some(id) = found {
                return Ok(id.to_owned());
            }
            cursor = next_cursor(&answer);
            if cursor.is_none() {
                return Err(Failure::not_found(format!(
                    "user {user} has no device {name:?}"
                )));
            }
        }
    }
}

/// The objects of a page.
pub fn items(answer: &Value) -> Result<&[Value], Failure> {
    answer
        .get("items")
        .unwrap_or(answer)
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Failure::failed("the answer is no list"))
}

fn next_cursor(answer: &Value) -> Option<String> {
    answer
        .get("next_cursor")
        .and_then(Value::as_str)
        .map(str::to_owned)
}
