//! The cost of outages of all processes: old reads, slower calls, the time until hits return.

mod figures;
mod table;

pub use figures::Figures;
pub use table::Table;
