-- The policies of the tenants, and who may see them.
--
-- Names of tables are unqualified: they go to the first schema of the connection's search_path.

-- Supabase has these roles and auth.jwt(), and they are left alone there. On plain Postgres they are made, so that the
-- same policies mean the same. Roles belong to the whole server: another database's migration may create them now.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['service_role', 'authenticated'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL;
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION USING
                        ERRCODE = 'insufficient_privilege',
                        MESSAGE = pg_catalog.format('the role "%s" does not exist, and "%s" may not create it', wanted, current_user),
                        HINT = pg_catalog.format('Run as a role that may: CREATE ROLE %I NOLOGIN;', wanted);
            END;
        END IF;
    END LOOP;
END
$$;

DO $$
BEGIN
    -- The catalogue is asked, not to_regprocedure(): that needs a right on the schema where the function is.
    IF EXISTS (
        SELECT
        FROM pg_catalog.pg_proc AS function
        JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = function.pronamespace
        WHERE namespace.nspname = 'auth' AND function.proname = 'jwt' AND function.pronargs = 0
    ) THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'auth') THEN
        CREATE SCHEMA auth;
    END IF;
    CREATE FUNCTION auth.jwt() RETURNS jsonb
        LANGUAGE sql STABLE
        SET search_path = ''
        AS 'SELECT nullif(pg_catalog.current_setting(''request.jwt.claims'', true), '''')::pg_catalog.jsonb';
    GRANT USAGE ON SCHEMA auth TO service_role, authenticated;
    GRANT EXECUTE ON FUNCTION auth.jwt() TO service_role, authenticated;
END
$$;

-- The tenant of the caller's verified token: its claim tenant_id, or app_metadata.tenant_id, which users cannot edit.
-- NULL, and so no row, where the claim is missing or is no UUID.
CREATE FUNCTION copilot_jwt_tenant() RETURNS uuid
    LANGUAGE sql STABLE
    SET search_path = ''
    AS $$
        SELECT CASE WHEN claim.tenant ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN claim.tenant::pg_catalog.uuid END
        FROM (
            SELECT coalesce(token.claims ->> 'tenant_id', token.claims #>> '{app_metadata,tenant_id}') AS tenant
            FROM (SELECT auth.jwt() AS claims) AS token
        ) AS claim
    $$;

CREATE FUNCTION copilot_touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = ''
    AS $$
    BEGIN
        -- Not now(), which stands still inside of a transaction.
        NEW.updated_at := pg_catalog.clock_timestamp();
        RETURN NEW;
    END
    $$;

CREATE TABLE tenant_llm_policies (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    tenant_id           uuid        NOT NULL CONSTRAINT tenant_llm_policies_tenant UNIQUE,
    default_model       text        NOT NULL,
    default_provider    text        NOT NULL,
    allow_remote_egress boolean     NOT NULL DEFAULT true,
    egress_mode         text        CONSTRAINT tenant_llm_policies_egress_mode CHECK (egress_mode IN ('off', 'audit', 'enforce')),
    allow_off_mode      boolean     DEFAULT false,
    tasks               jsonb       NOT NULL DEFAULT '[]'
                                    CONSTRAINT tenant_llm_policies_tasks CHECK (jsonb_typeof(tasks) = 'array'),
    user_policies       jsonb       NOT NULL DEFAULT '{}'
                                    CONSTRAINT tenant_llm_policies_user_policies CHECK (jsonb_typeof(user_policies) = 'object'),
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    updated_by          uuid
);

CREATE TRIGGER tenant_llm_policies_touch
    BEFORE UPDATE ON tenant_llm_policies
    FOR EACH ROW EXECUTE FUNCTION copilot_touch_updated_at();

ALTER TABLE tenant_llm_policies ENABLE ROW LEVEL SECURITY;

CREATE POLICY service_role_everything ON tenant_llm_policies
    FOR ALL TO service_role USING (true) WITH CHECK (true);

-- The sub-select is evaluated once a query, and not once a row.
CREATE POLICY authenticated_own_tenant ON tenant_llm_policies
    FOR SELECT TO authenticated USING (tenant_id = (SELECT copilot_jwt_tenant()));

-- Some installations grant new tables to everybody by default.
REVOKE ALL ON tenant_llm_policies FROM PUBLIC, service_role, authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_llm_policies TO service_role;
GRANT SELECT ON tenant_llm_policies TO authenticated;

REVOKE ALL ON FUNCTION copilot_jwt_tenant(), copilot_touch_updated_at() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION copilot_jwt_tenant() TO service_role, authenticated;

DO $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO service_role, authenticated', pg_catalog.current_schema());
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'anon') THEN
        REVOKE ALL ON tenant_llm_policies FROM anon;
    END IF;
END
$$;

-- Without a policy nobody but its owner reads or writes the record of the migrations (another tool keeps its own).
ALTER TABLE IF EXISTS stores_migrations ENABLE ROW LEVEL SECURITY;
