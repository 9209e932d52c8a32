-- How conversations are merged, compressed and compacted: for everybody, for a tenant, for a user of a tenant.

-- The user of the caller's verified token: its claim sub. NULL, and so no row, where it is missing or is no UUID.
CREATE FUNCTION copilot_jwt_user() RETURNS uuid
    LANGUAGE sql STABLE
    SET search_path = ''
    AS $$
        SELECT CASE WHEN claim.sub ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN claim.sub::pg_catalog.uuid END
        FROM (SELECT auth.jwt() ->> 'sub' AS sub) AS claim
    $$;

CREATE FUNCTION copilot_sign_as_jwt_user() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path FROM CURRENT
    AS $$
    BEGIN
        NEW.updated_by := copilot_jwt_user();
        RETURN NEW;
    END
    $$;

-- A setting that is NULL is inherited.
CREATE TABLE conversation_configs (
    id                          uuid             NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    config_level                text             NOT NULL,
    tenant_id                   uuid,
    user_id                     uuid,
    merge_compression_strategy  text             CONSTRAINT conversation_configs_merge_compression_strategy
                                                 CHECK (merge_compression_strategy IN ('none', 'minimal', 'moderate', 'aggressive')),
    merge_max_messages          integer          CONSTRAINT conversation_configs_merge_max_messages CHECK (merge_max_messages >= 1),
    merge_preserve_pinned       boolean,
    path_compression_strategy   text             CONSTRAINT conversation_configs_path_compression_strategy
                                                 CHECK (path_compression_strategy IN ('none', 'sliding_window', 'semantic', 'hybrid')),
    path_max_messages           integer          CONSTRAINT conversation_configs_path_max_messages CHECK (path_max_messages >= 1),
    path_sliding_window_size    integer          CONSTRAINT conversation_configs_path_sliding_window_size
                                                 CHECK (path_sliding_window_size >= 1),
    -- NaN is greater than any number here, and so it is refused too.
    path_compression_threshold  double precision CONSTRAINT conversation_configs_path_compression_threshold
                                                 CHECK (path_compression_threshold BETWEEN 0 AND 1),
    auto_compact_enabled        boolean,
    compaction_interval_minutes integer          CONSTRAINT conversation_configs_compaction_interval_minutes
                                                 CHECK (compaction_interval_minutes >= 1),
    created_at                  timestamptz      NOT NULL DEFAULT now(),
    updated_at                  timestamptz      NOT NULL DEFAULT now(),
    updated_by                  uuid,
    CONSTRAINT conversation_configs_level CHECK (
        CASE config_level
            WHEN 'global' THEN tenant_id IS NULL AND user_id IS NULL
            WHEN 'tenant' THEN tenant_id IS NOT NULL AND user_id IS NULL
            WHEN 'user' THEN tenant_id IS NOT NULL AND user_id IS NOT NULL
            ELSE false
        END
    ),
    -- Otherwise a second global row, or a second one of a tenant, would be none: NULL differs from NULL.
    CONSTRAINT conversation_configs_one_a_level UNIQUE NULLS NOT DISTINCT (config_level, tenant_id, user_id)
);

-- Users write this table themselves: neither the time nor the name is theirs to choose.
CREATE TRIGGER conversation_configs_touch
    BEFORE INSERT OR UPDATE ON conversation_configs
    FOR EACH ROW EXECUTE FUNCTION copilot_touch_updated_at();

CREATE TRIGGER conversation_configs_sign
    BEFORE INSERT OR UPDATE ON conversation_configs
    FOR EACH ROW WHEN (current_user = 'authenticated') EXECUTE FUNCTION copilot_sign_as_jwt_user();

ALTER TABLE conversation_configs ENABLE ROW LEVEL SECURITY;

CREATE POLICY service_role_everything ON conversation_configs
    FOR ALL TO service_role USING (true) WITH CHECK (true);

-- The sub-selects are evaluated once a query, and not once a row.
CREATE POLICY authenticated_inherited ON conversation_configs
    FOR SELECT TO authenticated
    USING (config_level = 'global' OR (config_level = 'tenant' AND tenant_id = (SELECT copilot_jwt_tenant())));

CREATE POLICY authenticated_own ON conversation_configs
    FOR ALL TO authenticated
    USING (
        config_level = 'user'
        AND tenant_id = (SELECT copilot_jwt_tenant())
        AND user_id = (SELECT copilot_jwt_user())
    )
    WITH CHECK (
        config_level = 'user'
        AND tenant_id = (SELECT copilot_jwt_tenant())
        AND user_id = (SELECT copilot_jwt_user())
    );

-- Some installations grant new tables to everybody by default.
REVOKE ALL ON conversation_configs FROM PUBLIC, service_role, authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON conversation_configs TO service_role, authenticated;

REVOKE ALL ON FUNCTION copilot_jwt_user(), copilot_sign_as_jwt_user() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION copilot_jwt_user() TO service_role, authenticated;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'anon') THEN
        REVOKE ALL ON conversation_configs FROM anon;
    END IF;
END
$$;
