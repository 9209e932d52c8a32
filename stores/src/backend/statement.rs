//! A statement with its arguments, before a database encodes them.

use chrono::{DateTime, Utc};
use serde::ser::{Error as _, Serialize, Serializer};
use sqlx::types::{Json, JsonRawValue};
use uuid::Uuid;

use crate::{ConversationId, MessageId, PathId, TenantId, UserId};

/// The text of a statement, and its arguments in the order of `$1`, `$2` and so on.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(super) text: &'static str,
    pub(super) arguments: Vec<Argument<'a>>,
}

impl<'a> Statement<'a> {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, arguments: Vec::new() }
    }

    /// Adds the next argument.
    #[must_use]
    pub(crate) fn bind(mut self, argument: impl Into<Argument<'a>>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

/// An argument, of a type that every database can store. `None` is NULL.
#[derive(Debug)]
pub(crate) enum Argument<'a> {
    Id(Option<Uuid>),
    /// A list of any length, as one argument.
    Ids(Vec<Uuid>),
    Text(Option<&'a str>),
    Flag(Option<bool>),
    Integer(Option<u32>),
    Number(Option<f64>),
    Time(Option<DateTime<Utc>>),
    Json(Option<Json<Document>>),
}

macro_rules! arguments {
    ($($type:ty => $variant:ident,)+) => {$(
        impl<'a> From<$type> for Argument<'a> {
            fn from(value: $type) -> Self {
                Self::$variant(Some(value.into()))
            }
        }

        impl<'a> From<Option<$type>> for Argument<'a> {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )+};
}

arguments! {
    TenantId => Id,
    UserId => Id,
    ConversationId => Id,
    MessageId => Id,
    PathId => Id,
    &'a str => Text,
    bool => Flag,
    u32 => Integer,
    f64 => Number,
    DateTime<Utc> => Time,
    Json<Document> => Json,
}

impl From<&[TenantId]> for Argument<'_> {
    fn from(tenants: &[TenantId]) -> Self {
        Self::Ids(tenants.iter().copied().map(Uuid::from).collect())
    }
}

/// The JSON of a value, or the reason why it has none, which is the error of the statement.
#[derive(Debug)]
pub(crate) struct Document(Result<Box<JsonRawValue>, serde_json::Error>);

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// A value as an argument for a JSON column.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Json<Document> {
    Json(Document(serde_json::value::to_raw_value(value)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn json_is_the_text_of_the_value_as_it_was() {
        let text = serde_json::to_string(&json(&("b", [1.5, -0.0], None::<u8>))).unwrap();
        assert_eq!(text, r#"["b",[1.5,-0.0],null]"#);
    }

    #[test]
    fn a_value_without_json_is_an_error_and_not_null() {
        let no_key = BTreeMap::from([((1, 2), 3)]);
        let error = serde_json::to_string(&json(&no_key)).unwrap_err();
        assert!(error.to_string().contains("key must be a string"), "{error}");
    }
}
