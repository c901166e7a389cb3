//! What each verb works with: the client, the printer, and how objects are found by name.
use super::{
    body::Body,
    client::Client,
    failure::Failure,
    output::{Column, Printer, Table},
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
        each(&self.api, path, limit, |items| list.page(items)).await?;
        list.end(nothing)
    }

    /// Says in a sentence that something is done; as JSON its answer, if it has one.
    pub fn done(&mut self, answer: &Value, sentence: &str) -> Result<(), Failure> {
        let done = json!({ "done": true });
        let answer = if answer.is_null() { &done } else { answer };
        self.out.answer(answer, |_| {
            format!(
                "{sentence}
"
            )
        })
    }

    /// Does one verb to many objects, and writes what became of each. What could not be done to one makes the command
    /// fail once all is said.
    pub async fn batch(
        &mut self,
        path: &Path,
        body: Body,
        columns: &[Column],
    ) -> Result<(), Failure> {
        let answer = self.api.post(path, Some(&body.into())).await?;
        self.out.answer(&answer, |answer| {
            let items = answer.get("items").and_then(Value::as_array);
            Table::new(columns).page(items.map_or(&[], Vec::as_slice))
        })?;
        match answer.get("failed").and_then(Value::as_u64) {
            None | Some(0) => Ok(()),
            Some(failed) => Err(Failure::failed(format!("{failed} could not be done"))),
        }
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
        let path = Path::of(&["users", user, "devices"])?;
        let mut found = None;
        each(&self.api, path, None, |devices| {
            let is_named =
                |device: &&Value| device.get("name").and_then(Value::as_str) == Some(name);
            found = found
                .take()
                .or_else(|| devices.iter().find(is_named).cloned());
            Ok(())
        })
        .await?;
        found
            .and_then(|device| Some(device.get("id")?.as_str()?.to_owned()))
            .ok_or_else(|| Failure::not_found(format!("user {user} has no device {name:?}")))
    }
}

/// Hands over the objects at `path`, page by page, all or the first `limit`.
pub async fn each(
    api: &Client,
    path: Path,
    limit: Option<u64>,
    mut on_page: impl FnMut(&[Value]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut left = limit.unwrap_or(u64::MAX);
    let mut cursor = None::<String>;
    while left > 0 {
        let page = path
            .clone()
            .with("limit", &left.min(PAGE))
            .with_some("cursor", cursor.take());
        let answer = api.get(&page).await?;
        let items = items(&answer)?;
        on_page(items)?;
        left = left.saturating_sub(u64::try_from(items.len()).unwrap_or(u64::MAX));
        cursor = next_cursor(&answer);
        if cursor.is_none() {
            break;
        }
    }
    Ok(())
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

/// Where the next page begins.
pub fn next_cursor(answer: &Value) -> Option<String> {
    answer
        .get("next_cursor")
        .and_then(Value::as_str)
        .map(str::to_owned)
}
