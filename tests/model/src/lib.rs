//! stub
mod actions;
mod configuration;
mod configurations;
mod properties;
mod search;
mod state;
mod world;

pub use configuration::{Configuration, Expected, Promise, Size};
pub use configurations::configurations;
pub use search::{Exploration, Refutation, explore};
