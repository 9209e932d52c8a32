//! A writer in its own process, which tests kill or stop at each step.

mod killed;
mod stopped;
mod writer;
