-- How conversations are merged, compressed and compacted: for everybody, for a tenant, for a user of a tenant.
-- A setting that is NULL is inherited.

CREATE TABLE conversation_configs (
    id                          BLOB    NOT NULL PRIMARY KEY DEFAULT (randomblob(16)),
    config_level                TEXT    NOT NULL,
    tenant_id                   BLOB    CHECK (length(tenant_id) = 16),
    user_id                     BLOB    CHECK (length(user_id) = 16),
    merge_compression_strategy  TEXT    CHECK (merge_compression_strategy IN ('none', 'minimal', 'moderate', 'aggressive')),
    merge_max_messages          INTEGER CHECK (merge_max_messages BETWEEN 1 AND 2147483647),
    merge_preserve_pinned       INTEGER CHECK (merge_preserve_pinned IN (FALSE, TRUE)),
    path_compression_strategy   TEXT    CHECK (path_compression_strategy IN ('none', 'sliding_window', 'semantic', 'hybrid')),
    path_max_messages           INTEGER CHECK (path_max_messages BETWEEN 1 AND 2147483647),
    path_sliding_window_size    INTEGER CHECK (path_sliding_window_size BETWEEN 1 AND 2147483647),
    path_compression_threshold  REAL    CHECK (path_compression_threshold BETWEEN 0 AND 1),
    auto_compact_enabled        INTEGER CHECK (auto_compact_enabled IN (FALSE, TRUE)),
    compaction_interval_minutes INTEGER CHECK (compaction_interval_minutes BETWEEN 1 AND 2147483647),
    created_at                  TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at                  TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_by                  BLOB    CHECK (length(updated_by) = 16),
    CHECK (
        CASE config_level
            WHEN 'global' THEN tenant_id IS NULL AND user_id IS NULL
            WHEN 'tenant' THEN tenant_id IS NOT NULL AND user_id IS NULL
            WHEN 'user' THEN tenant_id IS NOT NULL AND user_id IS NOT NULL
            ELSE FALSE
        END
    )
) STRICT;

-- One index a level: in a plain one over all three columns NULL differs from NULL, and a second global row would be none.
CREATE UNIQUE INDEX conversation_configs_one_global ON conversation_configs (config_level) WHERE config_level = 'global';
CREATE UNIQUE INDEX conversation_configs_one_a_tenant ON conversation_configs (tenant_id) WHERE config_level = 'tenant';
CREATE UNIQUE INDEX conversation_configs_one_a_user ON conversation_configs (tenant_id, user_id) WHERE config_level = 'user';

-- As for the policies.
CREATE TRIGGER conversation_configs_touch
    AFTER UPDATE ON conversation_configs
    FOR EACH ROW WHEN NEW.updated_at = OLD.updated_at
BEGIN
    UPDATE conversation_configs SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = NEW.id;
END;
