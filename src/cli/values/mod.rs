//! What people write on a command line, parsed once at the edge: sizes, rates, spans of time, disguises, networks.
//! A parser says in its error what it would have taken; nothing here prints or asks the API.
mod decimal;
mod networks;
mod obfs;
mod rate;
mod size;
mod span;
mod stdin;

pub use networks::{address, network};
pub use obfs::{Obfs, obfs};
pub use rate::rate;
pub use size::{Size, size};
pub use span::{Expiry, expiry, span};
pub use stdin::secret_from_stdin;
