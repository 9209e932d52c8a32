//! The macro on the shapes of real store traits, over a single instance,
//! over two instances on a shared tier in memory, and over two on Redis.

mod absent_errors;
mod aliases;
mod batches;
mod checks;
mod conditions;
mod each;
mod exclusive;
mod foreign;
mod hygiene;
mod infallible;
mod key_types;
mod old_row;
mod other_traits;
mod over;
mod shapes;
mod supertraits;
mod support;
mod tags;
mod views;
