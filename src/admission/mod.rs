//! The heart: may this client in? Pure: no database, no HTTP, no clock of its own, so the centre's hook and a node's
//! agent run the very same code, and its tests need nothing but memory.
//!
//! `directory` holds what is known, `decide` answers, `connection_id` mints the id that is counted by,
//! `concurrency` knows who is online, `guesses` slows those who try, `recent` remembers why somebody was refused.
pub mod addr;
pub mod base;
pub mod concurrency;
pub mod connection_id;
pub mod credential_key;
pub mod decide;
pub mod decision;
pub mod directory;
pub mod guesses;
pub mod recent;
pub mod slots;

pub use addr::AddrKey;
pub use connection_id::{ConnectionId, IdKeys};
pub use credential_key::{CredentialKeys, OwnForm, is_own, own_secret};
pub use decide::{Admittance, Ask, Memory, Refusal, Verdict, decide};
pub use decision::Code;
pub use directory::Directory;
