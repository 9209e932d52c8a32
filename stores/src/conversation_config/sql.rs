//! The statements that are the same on every SQL database.

/// All levels that concern a user, in one statement and so from one snapshot.
pub(super) const GET: &str = "
    SELECT config_level, merge_compression_strategy, merge_max_messages, merge_preserve_pinned, path_compression_strategy,
        path_max_messages, path_sliding_window_size, path_compression_threshold, auto_compact_enabled,
        compaction_interval_minutes, updated_at, updated_by
    FROM conversation_configs
    WHERE config_level = 'global'
        OR (config_level = 'tenant' AND tenant_id = $1)
        OR (config_level = 'user' AND tenant_id = $1 AND user_id = $2)";

pub(super) const DELETE_TENANT: &str =
    "DELETE FROM conversation_configs WHERE config_level = 'tenant' AND tenant_id = $1";

pub(super) const DELETE_USER: &str =
    "DELETE FROM conversation_configs WHERE config_level = 'user' AND tenant_id = $1 AND user_id = $2";
