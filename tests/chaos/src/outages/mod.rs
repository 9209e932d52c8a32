//! The cost of outages of all processes: old reads, slower calls, and missing hits.

mod figures;
mod table;

pub use figures::Figures;
pub use table::Table;
