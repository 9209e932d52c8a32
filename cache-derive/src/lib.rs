//! The macros of `cache-core`.
