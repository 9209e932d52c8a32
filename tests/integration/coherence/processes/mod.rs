//! A writer in a process of its own, so that it can be killed and stopped at each step of a write.

mod killed;
mod stopped;
mod writer;
