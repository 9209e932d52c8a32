//! The stores over real databases.

mod administration;
mod config_checks;
mod config_decorated;
mod config_row_level_security;
mod conversation;
mod decorated;
mod factory;
pub(crate) mod fixtures;
mod identity;
mod late_commit;
mod matrix;
mod migrations;
mod policy_batch;
mod policy_checks;
mod restarts;
mod restricted_roles;
mod roles;
mod row_level_security;
mod statements;
