//! Argument checks and page boundaries that all implementations share, with their messages.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Conversation, ConversationStatus, NewConversation, NewMessage, SharingUpdate, Trace};
use crate::page::CursorKind;
use crate::{ConversationId, Cursor, Page, PageRequest, StoreError, TenantId, UserId};

pub(super) const CREATE: &str = "create_conversation";
pub(super) const GET: &str = "get_conversation";
pub(super) const APPEND: &str = "append_message";
pub(super) const SOFT_DELETE: &str = "soft_delete_message";
pub(super) const UPDATE_SHARING: &str = "update_sharing";
pub(super) const SET_ARCHIVED: &str = "set_archived_state";
pub(super) const GET_MESSAGES: &str = "get_messages";
pub(super) const LIST: &str = "list_conversations";
pub(super) const COMPACTION: &str = "conversations_needing_compaction";

const CURSOR: CursorKind = CursorKind(2);

/// The deepest nesting of JSON.
///
/// Parsers of JSON stop at 128, and the row and the cached entry wrap the value once more.
const DEEPEST_JSON: usize = 64;

/// Checks a new conversation.
///
/// Postgres stores no NUL in text. Every implementation refuses values that one of them cannot store.
pub(super) fn check_conversation(conversation: &NewConversation) -> Result<(), StoreError> {
    let own = [("title", conversation.title.as_deref()), ("persona_id", conversation.persona_id.as_deref())];
    let jurisdictions = conversation.jurisdictions.iter().map(|text| ("a jurisdiction", Some(text.as_str())));
    check_text(CREATE, own.into_iter().chain(jurisdictions).chain(fields(&conversation.trace)))?;
    check_object(CREATE, "authorization_spec", &conversation.authorization_spec)
}

pub(super) fn check_message(message: &NewMessage) -> Result<(), StoreError> {
    let content = [("content", Some(message.content.as_str()))];
    check_text(APPEND, content.into_iter().chain(fields(&message.trace)))?;
    check_object(APPEND, "metadata", &message.metadata)
}

pub(super) fn check_sharing(sharing: &SharingUpdate) -> Result<(), StoreError> {
    let spec = sharing.authorization_spec.as_ref();
    spec.map_or(Ok(()), |spec| check_object(UPDATE_SHARING, "authorization_spec", spec))
}

/// Checks a limit, which has the same range for every list.
pub(super) fn check_limit(limit: u32, operation: &'static str) -> Result<u32, StoreError> {
    PageRequest::first(limit).checked_limit(operation)
}

fn fields(trace: &Trace) -> [(&'static str, Option<&str>); 3] {
    [
        ("trace_id", trace.trace_id.as_deref()),
        ("root_span_name", trace.root_span_name.as_deref()),
        ("root_span_id", trace.root_span_id.as_deref()),
    ]
}

fn check_text<'a>(
    operation: &'static str,
    mut fields: impl Iterator<Item = (&'static str, Option<&'a str>)>,
) -> Result<(), StoreError> {
    match fields.find(|(_, text)| text.is_some_and(|text| text.contains('\0'))) {
        Some((field, _)) => Err(StoreError::invalid_input(operation, format!("{field} has a NUL character in it"))),
        None => Ok(()),
    }
}

fn check_object(operation: &'static str, field: &str, value: &Value) -> Result<(), StoreError> {
    let refused = |why: &str| Err(StoreError::invalid_input(operation, format!("{field} {why}")));
    if !value.is_object() {
        return refused("is no JSON object");
    }
    if !is_shallow(value, DEEPEST_JSON) {
        return refused("nests deeper than 64 levels");
    }
    if has_nul(value) { refused("has a NUL character in it") } else { Ok(()) }
}

fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_shallow(item, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|item| is_shallow(item, levels - 1)),
        _ => true,
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, item)| name.contains('\0') || has_nul(item)),
        _ => false,
    }
}

/// The end of a page: its next rows follow this position in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) last_activity: DateTime<Utc>,
    pub(super) id: ConversationId,
}

impl Position {
    pub(super) fn of(conversation: &Conversation) -> Self {
        Self { last_activity: conversation.last_activity(), id: conversation.id }
    }
}

/// The rows of a page.
pub(super) struct Slice {
    pub(super) limit: u32,
    pub(super) after: Option<Position>,
    list: [u8; 8],
}

impl Slice {
    pub(super) fn of(
        tenant: TenantId,
        user: Option<UserId>,
        status: ConversationStatus,
        page: &PageRequest,
    ) -> Result<Self, StoreError> {
        let limit = page.checked_limit(LIST)?;
        let list = name_of_list(tenant, user, status);
        let after = page.after.as_ref().map(|cursor| position(cursor, list)).transpose()?;
        Ok(Self { limit, after, list })
    }

    /// One more than the rows of the page, to detect whether another page follows.
    pub(super) fn rows_to_read(&self) -> u32 {
        self.limit + 1
    }

    pub(super) fn page(&self, read: Vec<Arc<Conversation>>) -> Page<Arc<Conversation>> {
        Page::cut(read, self.limit, |last| cursor(Position::of(last), self.list))
    }
}

/// A cursor of the name of the list, the time in microseconds and the id.
fn cursor(position: Position, list: [u8; 8]) -> Cursor {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&list);
    bytes[8..16].copy_from_slice(&position.last_activity.timestamp_micros().to_be_bytes());
    bytes[16..].copy_from_slice(position.id.as_uuid().as_bytes());
    Cursor::encode(CURSOR, &bytes)
}

fn position(cursor: &Cursor, list: [u8; 8]) -> Result<Position, StoreError> {
    let bytes: [u8; 32] = cursor.decode(CURSOR, LIST)?;
    let (name, rest) = bytes.split_at(8);
    let (micros, id) = rest.split_at(8);
    if name != list {
        let context = "the cursor is of another list: the tenant, the user and the status have to stay the same";
        return Err(StoreError::invalid_input(LIST, context));
    }
    let time = micros.try_into().ok().map(i64::from_be_bytes).and_then(DateTime::from_timestamp_micros);
    match time.filter(|time| super::clock::kept(*time) == *time).zip(Uuid::from_slice(id).ok()) {
        Some((last_activity, id)) => Ok(Position { last_activity, id: ConversationId::new(id) }),
        None => Err(StoreError::invalid_input(LIST, "the cursor holds no time that a row could have")),
    }
}

/// A name that distinguishes lists, the same on every instance.
///
/// It prevents mistakes and not forgery: a forged cursor reveals nothing that the list does not. The hash is FNV-1a (G.
/// Fowler, L. C. Noll, K.-P. Vo).
fn name_of_list(tenant: TenantId, user: Option<UserId>, status: ConversationStatus) -> [u8; 8] {
    let user = user.map(|user| *user.as_uuid().as_bytes());
    let bytes = tenant.as_uuid().as_bytes().iter().chain(user.iter().flatten()).chain(status.as_str().as_bytes());
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.fold(0xcbf2_9ce4_8422_2325, step).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::StoreErrorKind;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!({ "in": inner }) } else { json!([inner]) })
    }

    #[test]
    fn json_is_an_object_without_nul_and_not_too_deep() {
        let refusal =
            |value: &Value| check_object(CREATE, "field", value).err().map(|error| error.context().to_owned());
        assert_eq!(refusal(&json!({})), None);
        for no_object in [json!(null), json!([]), json!("{}"), json!(1)] {
            assert_eq!(refusal(&no_object).as_deref(), Some("field is no JSON object"));
        }
        for with_nul in [json!({ "a": "\0" }), json!({ "\0": 1 }), json!({ "a": [{ "b": "x\0y" }] })] {
            assert_eq!(refusal(&with_nul).as_deref(), Some("field has a NUL character in it"));
        }
        assert_eq!(refusal(&json!({ "a": nested(DEEPEST_JSON - 1) })), None);
        assert_eq!(
            refusal(&json!({ "a": nested(DEEPEST_JSON) })).as_deref(),
            Some("field nests deeper than 64 levels")
        );
    }

    #[test]
    fn a_cursor_is_valid_for_its_own_list_only() {
        let (tenant, user) = (TenantId::random(), UserId::random());
        let position_of = |micros| Position {
            last_activity: DateTime::from_timestamp_micros(micros).unwrap(),
            id: ConversationId::random(),
        };
        let list = name_of_list(tenant, Some(user), ConversationStatus::Active);
        for micros in [-1, 0, 1_700_000_000_123_456] {
            let at = position_of(micros);
            assert_eq!(position(&cursor(at, list), list).unwrap(), at);
        }
        let given = cursor(position_of(1), list);
        for other in [
            name_of_list(TenantId::random(), Some(user), ConversationStatus::Active),
            name_of_list(tenant, Some(UserId::random()), ConversationStatus::Active),
            name_of_list(tenant, None, ConversationStatus::Active),
            name_of_list(tenant, Some(user), ConversationStatus::All),
        ] {
            let error = position(&given, other).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::InvalidInput);
            assert!(error.context().contains("another list"), "{error}");
        }
    }

    #[test]
    fn a_cursor_with_a_time_that_no_row_has_is_refused() {
        for micros in [i64::MIN, i64::MAX, 253_402_300_800_000_000] {
            let mut bytes = [0; 32];
            bytes[8..16].copy_from_slice(&micros.to_be_bytes());
            let error = position(&Cursor::encode(CURSOR, &bytes), [0; 8]).unwrap_err();
            assert!(error.context().contains("cursor"), "{error}");
        }
    }
}
