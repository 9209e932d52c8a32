//! The macro on the shapes of real store traits, over a single instance and over two instances.

mod aliases;
mod hygiene;
mod infallible;
mod key_types;
mod support;
mod views;
