//! The statements that are the same on every SQL database, and the columns of a row.

/// The columns of a conversation, in the order of `ConversationRow`.
macro_rules! conversation_columns {
    () => {
        "id, tenant_id, user_id, share_audience, tenant_access, authorization_model, authorization_spec, persona_id, \
         jurisdictions, title, active_path_id, archived_at, created_at, updated_at, last_message_at, trace_id, \
         root_span_name, root_span_id"
    };
}

/// `may_read`, for a whole list: `$2` is the user.
macro_rules! readable {
    () => {
        "(conversations.effective_audience <> 'private' OR conversations.user_id IS NULL OR conversations.user_id = $2)"
    };
}

/// Conversations of the tenant `$1` that the user may see and that have the status `$3`.
macro_rules! listed {
    () => {
        concat!(
            "SELECT ",
            conversation_columns!(),
            " FROM conversations WHERE tenant_id = $1 AND ",
            readable!(),
            " AND ($3 = 'all' OR ($3 = 'active') = (archived_at IS NULL))"
        )
    };
}

pub(super) const GET: &str =
    concat!("SELECT ", conversation_columns!(), " FROM conversations WHERE tenant_id = $1 AND id = $2");

pub(super) const FIRST_PAGE: &str = concat!(listed!(), " ORDER BY last_activity DESC, id DESC LIMIT $4");

pub(super) const NEXT_PAGE: &str =
    concat!(listed!(), " AND (last_activity, id) < ($5, $6) ORDER BY last_activity DESC, id DESC LIMIT $4");

// In one statement, so that the rule and the messages come from the same snapshot.
pub(super) const GET_MESSAGES: &str = concat!(
    "SELECT message.id, message.conversation_id, message.role, message.content, message.metadata, message.user_id, \
            message.trace_id, message.root_span_name, message.root_span_id, message.created_at, message.deleted_at \
     FROM conversation_messages AS message \
     JOIN conversations ON conversations.id = message.conversation_id \
     WHERE conversations.tenant_id = $1 AND conversations.id = $3 AND message.deleted_at IS NULL AND ",
    readable!(),
    " ORDER BY message.created_at DESC, message.id DESC LIMIT $4"
);

// Counts no more messages of a conversation than the filter requires.
pub(super) const COMPACTION: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversations \
     WHERE archived_at IS NULL \
       AND ($1 IS NULL OR tenant_id = $1) \
       AND ($2 IS NULL OR last_activity <= $2) \
       AND $3 <= ( \
           SELECT count(*) FROM ( \
               SELECT 1 FROM conversation_messages AS message \
               WHERE message.conversation_id = conversations.id AND message.deleted_at IS NULL \
               LIMIT $3 \
           ) AS counted \
       ) \
     ORDER BY last_activity, id LIMIT $4"
);

#[cfg(feature = "postgres")]
pub(super) use conversation_columns;
