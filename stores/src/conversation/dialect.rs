//! The statements that differ between the databases, and whose clock they use.

use chrono::{DateTime, Utc};

use super::rows::{ConversationRow, MessageRow};
#[cfg(feature = "sqlite")]
use super::sql;
#[cfg(feature = "postgres")]
use super::sql::conversation_columns;
use crate::backend::{Dialect, Reads, Statement};

/// Inserts a conversation. The arguments are further columns and their values.
macro_rules! insert {
    ($columns:literal, $values:literal) => {
        concat!(
            "INSERT INTO conversations ( \
                 id, tenant_id, user_id, share_audience, tenant_access, authorization_model, authorization_spec, \
                 persona_id, jurisdictions, title, active_path_id, trace_id, root_span_name, root_span_id",
            $columns,
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14",
            $values,
            ")"
        )
    };
}

/// Changes the sharing of the conversation `$1`. The argument is a further assignment.
macro_rules! share {
    ($assignment:literal) => {
        concat!(
            "UPDATE conversations SET \
                 share_audience = coalesce($2, share_audience), \
                 tenant_access = coalesce($3, tenant_access), \
                 authorization_model = coalesce($4, authorization_model), \
                 authorization_spec = coalesce($5, authorization_spec)",
            $assignment,
            " WHERE id = $1"
        )
    };
}

/// A database with the rows and the statements of conversations.
///
/// Postgres takes the times of a change from its own clock. The clock of SQLite has only milliseconds, so its statements
/// take the times by the clock of this process, as their last arguments.
pub(super) trait ConversationDialect: Dialect + Reads<ConversationRow> + Reads<MessageRow> {
    /// Inserts a conversation. Time: of its creation.
    const INSERT: &'static str;

    /// A conversation that the transaction is about to change.
    const GET_FOR_UPDATE: &'static str;

    /// Inserts the message `$1` into the conversation `$2`. Time: of the message.
    const APPEND: &'static str;

    /// Marks the message `$1` of the conversation `$2` as deleted. Time: of the deletion.
    const DELETE_MESSAGE: &'static str;

    /// Completes a change of a message of the conversation `$1`, if the statement of the change does not.
    ///
    /// Times: of its new message, if it has one, and of the change.
    const TOUCH: Option<&'static str>;

    /// Changes the sharing of the conversation `$1`. Time: of the change.
    const SHARE: &'static str;

    /// Archives the conversation `$1`, or makes it active again. Times: of its archiving, and of the change.
    const ARCHIVE: &'static str;

    /// Adds the times of a change to its statement, if the database does not use its own clock.
    fn timed<'a>(statement: Statement<'a>, times: &[DateTime<Utc>]) -> Statement<'a>;
}

#[cfg(feature = "postgres")]
impl ConversationDialect for sqlx::Postgres {
    const INSERT: &'static str = insert!("", "");

    // The next change of the conversation waits here, and sees the writes of this transaction.
    const GET_FOR_UPDATE: &'static str = concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"
    );

    // The clock of the server may have been set back: the time of a conversation never decreases.
    const APPEND: &'static str = "
        WITH moved AS (
            UPDATE conversations
            SET last_message_at = greatest(clock_timestamp(), created_at, last_message_at + interval '1 microsecond')
            WHERE id = $2
            RETURNING last_message_at
        )
        INSERT INTO conversation_messages (
            id, conversation_id, role, content, metadata, user_id, trace_id, root_span_name, root_span_id, created_at
        )
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, moved.last_message_at FROM moved";

    const DELETE_MESSAGE: &'static str = "
        WITH deleted AS (
            UPDATE conversation_messages SET deleted_at = clock_timestamp()
            WHERE id = $1 AND conversation_id = $2 AND deleted_at IS NULL
            RETURNING conversation_id
        )
        UPDATE conversations SET updated_at = clock_timestamp() FROM deleted WHERE conversations.id = deleted.conversation_id";

    const TOUCH: Option<&'static str> = None;

    const SHARE: &'static str = share!("");

    const ARCHIVE: &'static str = "
        UPDATE conversations SET archived_at = CASE WHEN $2 THEN clock_timestamp() END
        WHERE id = $1 AND (archived_at IS NULL) = $2";

    fn timed<'a>(statement: Statement<'a>, _: &[DateTime<Utc>]) -> Statement<'a> {
        statement
    }
}

#[cfg(feature = "sqlite")]
impl ConversationDialect for sqlx::Sqlite {
    // The column defaults of the times have only milliseconds.
    const INSERT: &'static str = insert!(", created_at, updated_at", ", $15, $15");

    // The transaction has waited for the previous writer, and no other one begins.
    const GET_FOR_UPDATE: &'static str = sql::GET;

    const APPEND: &'static str = "
        INSERT INTO conversation_messages (
            id, conversation_id, role, content, metadata, user_id, trace_id, root_span_name, root_span_id, created_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

    const DELETE_MESSAGE: &'static str = "
        UPDATE conversation_messages SET deleted_at = $3
        WHERE id = $1 AND conversation_id = $2 AND deleted_at IS NULL";

    const TOUCH: Option<&'static str> =
        Some("UPDATE conversations SET last_message_at = coalesce($2, last_message_at), updated_at = $3 WHERE id = $1");

    const SHARE: &'static str = share!(", updated_at = $6");

    const ARCHIVE: &'static str = "
        UPDATE conversations SET archived_at = CASE WHEN $2 THEN $3 END, updated_at = $4
        WHERE id = $1 AND (archived_at IS NULL) = $2";

    fn timed<'a>(statement: Statement<'a>, times: &[DateTime<Utc>]) -> Statement<'a> {
        times.iter().copied().fold(statement, Statement::bind)
    }
}
