//! The statements that are the same on every SQL database.

/// Selects policies. The argument is the rest of the statement.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, \
                    user_policies \
             FROM tenant_llm_policies ",
            $rest
        )
    };
}

pub(super) const GET: &str = select!("WHERE tenant_id = $1");

// The author of the previous version is not that of this one.
pub(super) const SET: &str = "
    INSERT INTO tenant_llm_policies (
        tenant_id, default_model, default_provider, allow_remote_egress, egress_mode, allow_off_mode, tasks, user_policies
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (tenant_id) DO UPDATE SET
        default_model = excluded.default_model,
        default_provider = excluded.default_provider,
        allow_remote_egress = excluded.allow_remote_egress,
        egress_mode = excluded.egress_mode,
        allow_off_mode = excluded.allow_off_mode,
        tasks = excluded.tasks,
        user_policies = excluded.user_policies,
        updated_by = NULL";

pub(super) const DELETE: &str = "DELETE FROM tenant_llm_policies WHERE tenant_id = $1";

pub(super) const COUNT: &str = "SELECT count(*) FROM tenant_llm_policies";

pub(super) const FIRST_PAGE: &str = select!("ORDER BY tenant_id LIMIT $1");

pub(super) const NEXT_PAGE: &str = select!("WHERE tenant_id > $2 ORDER BY tenant_id LIMIT $1");

pub(super) use select;
