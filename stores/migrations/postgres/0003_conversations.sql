-- The conversations, their messages, and who may see them.

CREATE TABLE conversations (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    tenant_id           uuid        NOT NULL,
    user_id             uuid,
    share_audience      text        NOT NULL DEFAULT 'private'
                                    CONSTRAINT conversations_share_audience
                                    CHECK (share_audience IN ('private', 'tenant', 'public')),
    tenant_access       text        NOT NULL DEFAULT 'view'
                                    CONSTRAINT conversations_tenant_access CHECK (tenant_access IN ('view', 'edit')),
    authorization_model text        NOT NULL DEFAULT 'rbac'
                                    CONSTRAINT conversations_authorization_model
                                    CHECK (authorization_model IN ('rbac', 'openfga')),
    authorization_spec  jsonb       NOT NULL DEFAULT '{}'
                                    CONSTRAINT conversations_authorization_spec
                                    CHECK (jsonb_typeof(authorization_spec) = 'object'),
    -- One place for lists and for row-level security: the stores have the same rule for single rows.
    effective_audience  text        NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN authorization_model = 'rbac' THEN share_audience
            WHEN coalesce(authorization_spec ->> 'fallback_audience', authorization_spec ->> 'fallbackAudience')
                 IN ('tenant', 'public')
            THEN coalesce(authorization_spec ->> 'fallback_audience', authorization_spec ->> 'fallbackAudience')
            ELSE 'private'
        END
    ) STORED,
    persona_id          text,
    jurisdictions       jsonb       NOT NULL DEFAULT '[]'
                                    CONSTRAINT conversations_jurisdictions CHECK (
                                        jsonb_typeof(jurisdictions) = 'array'
                                        AND NOT jsonb_path_exists(jurisdictions, 'strict $[*] ? (@.type() != "string")')
                                    ),
    title               text,
    active_path_id      uuid,
    archived_at         timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    last_message_at     timestamptz,
    last_activity       timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(last_message_at, created_at)) STORED,
    trace_id            text,
    root_span_name      text,
    root_span_id        text
);

-- A page of a tenant's list.
CREATE INDEX conversations_by_activity ON conversations (tenant_id, last_activity DESC, id DESC);

-- What waits for compaction, over all tenants.
CREATE INDEX conversations_active_by_activity ON conversations (last_activity, id) WHERE archived_at IS NULL;

CREATE TABLE conversation_messages (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    conversation_id     uuid        NOT NULL
                                    CONSTRAINT conversation_messages_conversation
                                    REFERENCES conversations (id) ON DELETE CASCADE,
    role                text        NOT NULL
                                    CONSTRAINT conversation_messages_role CHECK (role IN ('user', 'assistant', 'system')),
    content             text        NOT NULL,
    metadata            jsonb       NOT NULL DEFAULT '{}'
                                    CONSTRAINT conversation_messages_metadata CHECK (jsonb_typeof(metadata) = 'object'),
    user_id             uuid,
    trace_id            text,
    root_span_name      text,
    root_span_id        text,
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at          timestamptz
);

CREATE INDEX conversation_messages_by_time ON conversation_messages (conversation_id, created_at, id)
    WHERE deleted_at IS NULL;

-- The rows of a conversation that are deleted too: for its own deletion.
CREATE INDEX conversation_messages_of_conversation ON conversation_messages (conversation_id);

CREATE TRIGGER conversations_touch
    BEFORE UPDATE ON conversations
    FOR EACH ROW EXECUTE FUNCTION copilot_touch_updated_at();

ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_messages ENABLE ROW LEVEL SECURITY;

CREATE POLICY service_role_everything ON conversations
    FOR ALL TO service_role USING (true) WITH CHECK (true);

CREATE POLICY service_role_everything ON conversation_messages
    FOR ALL TO service_role USING (true) WITH CHECK (true);

-- The sub-selects are evaluated once a query, and not once a row.
CREATE POLICY authenticated_readers ON conversations
    FOR SELECT TO authenticated USING (
        tenant_id = (SELECT copilot_jwt_tenant())
        AND (
            effective_audience IN ('tenant', 'public')
            OR user_id IS NULL
            OR user_id = (SELECT copilot_jwt_user())
        )
    );

-- The conversations that this one asks for are those of the policy above.
CREATE POLICY authenticated_readers ON conversation_messages
    FOR SELECT TO authenticated USING (
        deleted_at IS NULL
        AND EXISTS (SELECT FROM conversations WHERE conversations.id = conversation_messages.conversation_id)
    );

-- Some installations grant new tables to everybody by default.
REVOKE ALL ON conversations, conversation_messages FROM PUBLIC, service_role, authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON conversations, conversation_messages TO service_role;
GRANT SELECT ON conversations, conversation_messages TO authenticated;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'anon') THEN
        REVOKE ALL ON conversations, conversation_messages FROM anon;
    END IF;
END
$$;
