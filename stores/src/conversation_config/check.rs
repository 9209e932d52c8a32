//! Argument checks that all implementations share, with their messages.

use super::ConfigSettings;
use crate::StoreError;

pub(super) const GET: &str = "get_config";
pub(super) const SET_GLOBAL: &str = "set_global_config";
pub(super) const SET_TENANT: &str = "set_tenant_config";
pub(super) const DELETE_TENANT: &str = "delete_tenant_config";
pub(super) const SET_USER: &str = "set_user_config";
pub(super) const DELETE_USER: &str = "delete_user_config";

/// The largest number of the columns: Postgres has no unsigned ones.
const LARGEST: u32 = i32::MAX.cast_unsigned();

pub(super) fn check_settings(operation: &'static str, settings: &ConfigSettings) -> Result<(), StoreError> {
    let counts = [
        ("merge_max_messages", settings.merge_max_messages),
        ("path_max_messages", settings.path_max_messages),
        ("path_sliding_window_size", settings.path_sliding_window_size),
        ("compaction_interval_minutes", settings.compaction_interval_minutes),
    ];
    for (name, count) in counts {
        if let Some(count) = count.filter(|count| !(1..=LARGEST).contains(count)) {
            let context = format!("{name} is {count}: expected a number from 1 to {LARGEST}");
            return Err(StoreError::invalid_input(operation, context));
        }
    }
    match settings.path_compression_threshold.filter(|threshold| !(0.0..=1.0).contains(threshold)) {
        Some(wrong) => {
            let context = format!("path_compression_threshold is {wrong}: expected a number from 0 to 1");
            Err(StoreError::invalid_input(operation, context))
        }
        None => Ok(()),
    }
}
