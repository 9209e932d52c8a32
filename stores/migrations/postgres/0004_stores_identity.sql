-- Identifies this database among those that may share a cache: an entry that was loaded from another database is a miss.
-- The only row has an id that the database generates. It never changes.
CREATE TABLE stores_identity (
    only_row boolean NOT NULL DEFAULT true PRIMARY KEY CONSTRAINT stores_identity_only_row CHECK (only_row),
    id       uuid    NOT NULL DEFAULT gen_random_uuid()
);

INSERT INTO stores_identity DEFAULT VALUES ON CONFLICT DO NOTHING;

ALTER TABLE stores_identity ENABLE ROW LEVEL SECURITY;

CREATE POLICY service_role_reads ON stores_identity
    FOR SELECT TO service_role USING (true);

-- Some installations grant rights on new tables to every role by default.
REVOKE ALL ON stores_identity FROM PUBLIC, service_role, authenticated;
GRANT SELECT ON stores_identity TO service_role;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'anon') THEN
        REVOKE ALL ON stores_identity FROM anon;
    END IF;
END
$$;
