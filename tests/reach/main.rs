//! The macro on the shapes of real store traits, over a single instance and over two instances.

mod aliases;
mod conditions;
mod each;
mod old_row;
mod support;
mod tags;
