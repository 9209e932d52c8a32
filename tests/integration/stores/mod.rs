//! The stores over real databases.

mod conformance;
mod decorated;
mod factory;
pub(crate) mod fixtures;
mod late_commit;
mod migrations;
mod policy_checks;
mod row_level_security;
