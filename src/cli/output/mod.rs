//! What a verb prints: the API's answer as JSON, or a short aligned form for people.
//! Everything goes through a writer, so that tests see it and a closed pipe ends the program in peace.
mod field;
mod printer;
mod qr;
mod table;
mod units;

pub use field::{flag, harmless, list, text};
pub use printer::Printer;
pub use qr::qr;
pub use table::{Column, Table, card};
pub use units::{bytes, instant, limit, seconds};
