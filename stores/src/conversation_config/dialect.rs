//! The statements that differ between the databases.

use super::rows::ConfigRow;
use crate::backend::{Dialect, Reads};

/// Inserts or replaces the settings of a place. The argument is the columns whose values are in conflict.
macro_rules! set {
    ($unique:literal) => {
        concat!(
            "
    INSERT INTO conversation_configs (
        config_level, tenant_id, user_id, merge_compression_strategy, merge_max_messages, merge_preserve_pinned,
        path_compression_strategy, path_max_messages, path_sliding_window_size, path_compression_threshold,
        auto_compact_enabled, compaction_interval_minutes, updated_by
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT ",
            $unique,
            " DO UPDATE SET
        merge_compression_strategy = excluded.merge_compression_strategy,
        merge_max_messages = excluded.merge_max_messages,
        merge_preserve_pinned = excluded.merge_preserve_pinned,
        path_compression_strategy = excluded.path_compression_strategy,
        path_max_messages = excluded.path_max_messages,
        path_sliding_window_size = excluded.path_sliding_window_size,
        path_compression_threshold = excluded.path_compression_threshold,
        auto_compact_enabled = excluded.auto_compact_enabled,
        compaction_interval_minutes = excluded.compaction_interval_minutes,
        updated_by = excluded.updated_by"
        )
    };
}

/// A database with the rows and the statements of configurations.
pub(super) trait ConfigDialect: Dialect + Reads<ConfigRow> {
    /// Inserts or replaces the settings of a place.
    const SET: &'static str;
}

#[cfg(feature = "postgres")]
impl ConfigDialect for sqlx::Postgres {
    const SET: &'static str = set!("(config_level, tenant_id, user_id)");
}

/// A conflict on any index: SQLite has one for each level.
#[cfg(feature = "sqlite")]
impl ConfigDialect for sqlx::Sqlite {
    const SET: &'static str = set!("");
}
