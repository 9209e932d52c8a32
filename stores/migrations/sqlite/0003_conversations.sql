-- The conversations and their messages. Times are UTC text of one width with microseconds, so that their order as text is
-- their order in time.

CREATE TABLE conversations (
    id                  BLOB    NOT NULL PRIMARY KEY DEFAULT (randomblob(16)) CHECK (length(id) = 16),
    tenant_id           BLOB    NOT NULL CHECK (length(tenant_id) = 16),
    user_id             BLOB    CHECK (length(user_id) = 16),
    share_audience      TEXT    NOT NULL DEFAULT 'private' CHECK (share_audience IN ('private', 'tenant', 'public')),
    tenant_access       TEXT    NOT NULL DEFAULT 'view' CHECK (tenant_access IN ('view', 'edit')),
    authorization_model TEXT    NOT NULL DEFAULT 'rbac' CHECK (authorization_model IN ('rbac', 'openfga')),
    authorization_spec  TEXT    NOT NULL DEFAULT '{}' CHECK (
        json_valid(authorization_spec) AND json_type(authorization_spec) = 'object'
    ),
    -- For lists: the stores have the same rule for single rows.
    effective_audience  TEXT    NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN authorization_model = 'rbac' THEN share_audience
            WHEN coalesce(authorization_spec ->> '$.fallback_audience', authorization_spec ->> '$.fallbackAudience')
                 IN ('tenant', 'public')
            THEN coalesce(authorization_spec ->> '$.fallback_audience', authorization_spec ->> '$.fallbackAudience')
            ELSE 'private'
        END
    ) STORED,
    persona_id          TEXT,
    jurisdictions       TEXT    NOT NULL DEFAULT '[]' CHECK (
        json_valid(jurisdictions) AND json_type(jurisdictions) = 'array'
    ),
    title               TEXT,
    active_path_id      BLOB    CHECK (length(active_path_id) = 16),
    archived_at         TEXT    CHECK (length(archived_at) = 27),
    created_at          TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')) CHECK (length(created_at) = 27),
    updated_at          TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')) CHECK (length(updated_at) = 27),
    last_message_at     TEXT    CHECK (length(last_message_at) = 27),
    last_activity       TEXT    NOT NULL GENERATED ALWAYS AS (coalesce(last_message_at, created_at)) STORED,
    trace_id            TEXT,
    root_span_name      TEXT,
    root_span_id        TEXT
);

CREATE INDEX conversations_by_activity ON conversations (tenant_id, last_activity DESC, id DESC);

CREATE INDEX conversations_active_by_activity ON conversations (last_activity, id) WHERE archived_at IS NULL;

CREATE TABLE conversation_messages (
    id                  BLOB    NOT NULL PRIMARY KEY DEFAULT (randomblob(16)) CHECK (length(id) = 16),
    conversation_id     BLOB    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role                TEXT    NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    content             TEXT    NOT NULL,
    metadata            TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(metadata) AND json_type(metadata) = 'object'),
    user_id             BLOB    CHECK (length(user_id) = 16),
    trace_id            TEXT,
    root_span_name      TEXT,
    root_span_id        TEXT,
    created_at          TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')) CHECK (length(created_at) = 27),
    deleted_at          TEXT    CHECK (length(deleted_at) = 27)
);

CREATE INDEX conversation_messages_by_time ON conversation_messages (conversation_id, created_at, id)
    WHERE deleted_at IS NULL;

CREATE INDEX conversation_messages_of_conversation ON conversation_messages (conversation_id);

-- SQLite has no trigger that changes the row on its way in; the condition keeps this one from moving a time that the
-- update itself set, and its own update from firing it again.
CREATE TRIGGER conversations_touch
    AFTER UPDATE ON conversations
    FOR EACH ROW WHEN NEW.updated_at = OLD.updated_at
BEGIN
    UPDATE conversations SET updated_at = max(updated_at, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')) WHERE id = NEW.id;
END;
