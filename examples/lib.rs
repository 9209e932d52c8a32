//! The examples of this package are a tour; `cargo quickstart` runs the first.
