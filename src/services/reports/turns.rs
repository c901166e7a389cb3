//! How many exports run at once: few in all, and of one principal fewer, so that nobody keeps others from theirs.
use crate::error::{Error, Result};
use std::sync::{Arc, Mutex, PoisonError};

/// In all, and of one principal.
const MOST: usize = 4;
const MOST_OF_ONE: usize = 2;

/// Who has one.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<Vec<String>>>);

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    principal: String,
}

impl Turns {
    /// Takes one.
    pub(super) fn take(&self, principal: &str) -> Result<Turn> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.iter().filter(|who| *who == principal);
        if own.count() >= MOST_OF_ONE {
            let why = format!("{MOST_OF_ONE} exports of yours run already: let one end first");
            return Err(Error::State(why));
        }
        if taken.len() >= MOST {
            return Err(Error::Unavailable("another export"));
        }
        taken.push(principal.to_owned());
        Ok(Turn {
            turns: self.clone(),
            principal: principal.to_owned(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = taken.iter().position(|who| *who == self.principal) {
            taken.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_turns() {
        let turns = Turns::default();
        let mut anna = vec![turns.take("anna").unwrap(), turns.take("anna").unwrap()];
        assert!(matches!(turns.take("anna"), Err(Error::State(_))));
        let _bob = (turns.take("bob").unwrap(), turns.take("bob").unwrap());
        assert!(matches!(turns.take("eve"), Err(Error::Unavailable(_))));
        anna.pop();
        assert!(turns.take("eve").is_ok(), "what is given back is free");
        drop(anna);
        assert!(turns.take("anna").is_ok());
    }
}
