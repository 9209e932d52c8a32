//! Reading one's own writes on another instance.

mod token;
mod track;

pub use token::SessionToken;
pub(crate) use track::note;
