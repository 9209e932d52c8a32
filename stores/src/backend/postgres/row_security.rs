//! Detects whether row-level security hides rows of the stores from the connected role.
//!
//! A cached row is the same for every caller. A row that was read with the rights of one user must not reach another
//! user, and a row that the service put into the shared tier must not reach a role that could not have read it. So a
//! pool whose role does not see every row bypasses the cache.

use sqlx::PgPool;

use crate::StoreError;
use crate::backend::store_error;

const OPERATION: &str = "check which rows the connected role sees";

/// Every table that a store reads.
const TABLES: [&str; 4] = ["conversation_configs", "conversation_messages", "conversations", "tenant_llm_policies"];

/// Queries the role, and the tables among `$1` whose rows it may not all see.
///
/// No policy applies if row-level security is off for the role: for the owner of a table that does not force it, for a
/// superuser and for `BYPASSRLS`. Otherwise the role sees every row if a policy that applies to it admits every row, as
/// `service_role`'s does for members that inherit, and no restrictive policy applies. A missing table counts as
/// restricted: the rows that the role will see are unknown.
const RESTRICTED: &str = "
    SELECT current_user::text, coalesce(array_agg(wanted.name ORDER BY wanted.name) FILTER (WHERE sees.every_row IS NOT TRUE), '{}')
    FROM unnest($1::text[]) AS wanted (name)
    CROSS JOIN LATERAL (SELECT to_regclass(quote_ident(wanted.name))::oid AS id) AS relation
    CROSS JOIN LATERAL (
        SELECT
            bool_or(policy.polpermissive AND pg_get_expr(policy.polqual, policy.polrelid) = 'true') AS everything,
            bool_or(NOT policy.polpermissive) AS less
        FROM pg_policy AS policy
        WHERE policy.polrelid = relation.id
          AND policy.polcmd IN ('r', '*')
          AND EXISTS (
              SELECT FROM unnest(policy.polroles) AS applies (role)
              WHERE CASE WHEN applies.role = 0 THEN true ELSE pg_has_role(applies.role, 'USAGE') END
          )
    ) AS policies
    CROSS JOIN LATERAL (
        SELECT NOT row_security_active(relation.id) OR (policies.everything AND NOT policies.less) AS every_row
    ) AS sees";

/// A role that does not see every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restricted {
    pub(crate) role: String,
    pub(crate) tables: Vec<String>,
}

/// Checks the role of a pool, once.
///
/// The role of a pool is that of its address, and the policies are those of the migrations.
pub(crate) async fn restricted(pool: &PgPool) -> Result<Option<Restricted>, StoreError> {
    let row = sqlx::query_as(RESTRICTED).persistent(false).bind(&TABLES[..]).fetch_one(pool).await;
    let (role, tables): (String, Vec<String>) = row.map_err(|error| store_error(OPERATION, error))?;
    Ok((!tables.is_empty()).then_some(Restricted { role, tables }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a table that is missing in [`TABLES`] would be cached for roles that may not see them.
    #[test]
    fn every_table_of_the_migrations_is_checked() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
        let mut tables = Vec::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let created = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split_whitespace().next());
            tables.extend(created.map(str::to_owned));
        }
        tables.sort();
        // The identity of the database is the same for every role.
        tables.retain(|table| table != "stores_identity");
        assert_eq!(tables, TABLES);
    }
}
