//! The environment: error messages for wrong values, secrecy, and complete documentation.

mod bad_values;
mod documented;
mod secrets;
