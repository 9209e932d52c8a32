//! Whether row-level security stands between the connected role and rows of the stores.
//!
//! A cached row is the same for every caller. One that was read with the rights of a user must not be handed to another
//! user, and what the service put into the shared tier must not be handed to a role that could not have read it. So a
//! pool whose role does not see every row reads past the cache.

use sqlx::PgPool;

use crate::StoreError;
use crate::backend::store_error;

const OPERATION: &str = "ask which rows the connected role sees";

/// Every table that a store reads.
const TABLES: [&str; 4] = ["conversation_configs", "conversation_messages", "conversations", "tenant_llm_policies"];

/// The role, and those of the tables `$1` of which it may not see every row.
///
/// No policy is asked where row-level security is off for the role: for the owner of a table that does not force it, for a
/// superuser and for `BYPASSRLS`. Elsewhere the role sees every row if a policy that applies to it, as `service_role`'s
/// does to its members that inherit, lets every row through, and none restricts what others let through. A table that is
/// not found counts as restricted: nobody knows what the role will see of it.
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

/// Asks the database once: the role of a pool is that of its address, and the policies are those of the migrations.
pub(crate) async fn restricted(pool: &PgPool) -> Result<Option<Restricted>, StoreError> {
    let asked = sqlx::query_as(RESTRICTED).persistent(false).bind(&TABLES[..]).fetch_one(pool).await;
    let (role, tables): (String, Vec<String>) = asked.map_err(|error| store_error(OPERATION, error))?;
    Ok((!tables.is_empty()).then_some(Restricted { role, tables }))
}
