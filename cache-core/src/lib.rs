//! Caching decorators.
