//! The macro on the shapes of real store traits, over a single instance and over two instances.

mod aliases;
mod exclusive;
mod foreign;
mod over;
mod supertraits;
mod support;
