//! Who of those online would be refused now.
use crate::{
    admission::{Code, ConnectionId, Directory},
    models::NodeNo,
};
use chrono::{DateTime, Utc};

/// What one `/online` answer asks for.
#[derive(Debug, Default)]
pub struct KickList<'a> {
    /// Ids to kick, with why.
    pub kick: Vec<(&'a str, Code)>,
    /// Ids whose user or device this replica does not know: to be judged again once it has caught up.
    pub unknown: Vec<&'a str>,
}

/// Compares who is listed on a node with the directory.
pub fn to_kick<'a>(
    directory: &Directory,
    node: NodeNo,
    listed: impl IntoIterator<Item = (&'a str, ConnectionId)>,
    now: DateTime<Utc>,
) -> KickList<'a> {
    let mut list = KickList::default();
    for (text, id) in listed {
        match directory.refused_now(&id, node, now) {
            None => {}
            Some(Code::UnknownCredential) => list.unknown.push(text),
            Some(code) => list.kick.push((text, code)),
        }
    }
    list
}
