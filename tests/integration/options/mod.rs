//! The generated decorators, in every style of trait and with every option.

mod attributes;
mod batch;
mod boxed_futures;
mod changed_parameters;
mod derives;
mod each_option;
mod equal_keys;
mod flood;
mod forgotten_part;
mod generics;
mod hit_path;
mod names;
mod styles;
mod support;
mod transactions;
mod writes;
