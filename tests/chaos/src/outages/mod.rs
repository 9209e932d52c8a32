//! What outages that concern every process cost: how old what readers saw was, how long calls took, how soon hits were back.

mod figures;
mod table;

pub use figures::Figures;
pub use table::Table;
