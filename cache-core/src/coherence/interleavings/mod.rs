//! The lease and the journal under every order of their steps.

mod journal;
mod lease;
