-- The policies of the tenants. Ids are the sixteen bytes of the UUID; times are UTC text with milliseconds.

CREATE TABLE tenant_llm_policies (
    id                  BLOB    NOT NULL PRIMARY KEY DEFAULT (randomblob(16)),
    tenant_id           BLOB    NOT NULL UNIQUE CHECK (length(tenant_id) = 16),
    default_model       TEXT    NOT NULL,
    default_provider    TEXT    NOT NULL,
    allow_remote_egress BOOLEAN NOT NULL DEFAULT TRUE CHECK (allow_remote_egress IN (FALSE, TRUE)),
    egress_mode         TEXT    CHECK (egress_mode IN ('off', 'audit', 'enforce')),
    allow_off_mode      BOOLEAN DEFAULT FALSE CHECK (allow_off_mode IN (FALSE, TRUE)),
    tasks               TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(tasks) AND json_type(tasks) = 'array'),
    user_policies       TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(user_policies) AND json_type(user_policies) = 'object'),
    created_at          TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at          TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_by          BLOB    CHECK (length(updated_by) = 16)
);

-- SQLite has no trigger that changes the row on its way in; the condition keeps this one from moving a time that the
-- update itself set, and its own update from firing it again.
CREATE TRIGGER tenant_llm_policies_touch
    AFTER UPDATE ON tenant_llm_policies
    FOR EACH ROW WHEN NEW.updated_at = OLD.updated_at
BEGIN
    UPDATE tenant_llm_policies SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = NEW.id;
END;
