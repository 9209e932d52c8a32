//! The environment: what a wrong value is told, that no secret gets out, and that all of it is documented.

mod bad_values;
mod documented;
mod secrets;
