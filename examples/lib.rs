//! The examples of this package are a tour; `cargo quickstart` runs the first.
//!
//! The library has nothing but the README's code blocks, which are its documentation tests.
