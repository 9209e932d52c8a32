//! Commands as JSON, and replies as values of the client library.
//!
//! A string of JSON is UTF-8, and an entry is any bytes. An argument that is no UTF-8 is therefore sent, and stored, as
//! text: [`MARK`] and its base64. A reply that begins with the mark is decoded. An argument that begins with the mark is
//! encoded as well, so that every value is read as it was written. Generations, locks and messages are text, and are the
//! same for a client of this kind and any other.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use redis::Value;
use serde_json::Value as Json;

use super::refusal::unexpected;
use crate::protocol::TierError;

/// The beginning of a stored text that stands for bytes.
const MARK: &str = "base64:";

/// The text of an argument.
pub(super) fn argument(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with(MARK) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("{MARK}{}", STANDARD_NO_PAD.encode(bytes))),
    }
}

/// The length of the stored text that is sure to contain the first `bytes` bytes.
pub(super) fn stored_length(bytes: usize) -> usize {
    MARK.len() + bytes.div_ceil(3) * 4
}

/// Parses the reply to a pipeline: an object for each command, with `result` or `error`
/// (<https://upstash.com/docs/redis/features/restapi#pipelining>).
pub(super) fn replies(body: &[u8], count: usize) -> Result<Vec<Value>, TierError> {
    let Ok(Json::Array(replies)) = serde_json::from_slice(body) else { return Err(unexpected()) };
    let values = replies.into_iter().map(reply).collect::<Option<Vec<_>>>();
    values.filter(|values| values.len() == count).ok_or_else(unexpected)
}

fn reply(reply: Json) -> Option<Value> {
    let Json::Object(mut reply) = reply else { return None };
    match (reply.remove("result"), reply.remove("error")) {
        (_, Some(Json::String(text))) => server_error(&text),
        (Some(result), _) => value(result),
        (None, _) => None,
    }
}

/// The error of one command, with the code that it begins with.
fn server_error(text: &str) -> Option<Value> {
    let line = text.lines().next().unwrap_or_default();
    redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).ok()
}

fn value(result: Json) -> Option<Value> {
    match result {
        Json::Null => Some(Value::Nil),
        Json::Bool(word) => Some(Value::Boolean(word)),
        Json::Number(number) => Some(Value::Int(number.as_i64()?)),
        // The only string that is not encoded. It is no base64, which has four characters at least.
        Json::String(text) if text == "OK" => Some(Value::Okay),
        Json::String(text) => Some(Value::BulkString(unmarked(STANDARD.decode(text).ok()?))),
        Json::Array(results) => Some(Value::Array(results.into_iter().map(value).collect::<Option<_>>()?)),
        Json::Object(_) => None,
    }
}

/// The bytes for which a stored text stands.
///
/// A text that was cut, as by `GETRANGE`, is decoded as far as it goes. A text that does not decode is not from this
/// module, and stays as it is.
fn unmarked(stored: Vec<u8>) -> Vec<u8> {
    let Some(text) = stored.strip_prefix(MARK.as_bytes()) else { return stored };
    // A single character at the end is the beginning of a byte that is not there.
    let whole = if text.len() % 4 == 1 { &text[..text.len() - 1] } else { text };
    let decoded = LENIENT.decode(whole);
    decoded.unwrap_or(stored)
}

/// Accepts the bits of a byte that was cut off.
const LENIENT: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Stores an argument, and reads the first `length` characters of it.
    fn read_back(bytes: &[u8], length: usize) -> Vec<u8> {
        let stored = argument(bytes).into_owned().into_bytes();
        let cut = &stored[..stored.len().min(length)];
        let body = serde_json::json!([{ "result": STANDARD.encode(cut) }]).to_string();
        match replies(body.as_bytes(), 1).unwrap().pop() {
            Some(Value::BulkString(bytes)) => bytes,
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..200), is_marked in any::<bool>()) {
            let bytes = if is_marked { [MARK.as_bytes(), &bytes].concat() } else { bytes };
            prop_assert_eq!(read_back(&bytes, usize::MAX), bytes);
        }

        /// A value that is read up to a limit is seen to exceed it.
        #[test]
        fn the_first_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..200), limit in 1..200_usize) {
            let read = read_back(&bytes, stored_length(limit));
            prop_assert!(read.len() >= bytes.len().min(limit));
            prop_assert!(bytes.starts_with(&read));
        }
    }

    #[test]
    fn text_is_sent_as_it_is() {
        for text in ["U1-2", "g:{ns:é:*}", "", "OK"] {
            assert_eq!(argument(text.as_bytes()), text);
        }
        assert_eq!(argument(b"CS\xff"), "base64:Q1P/");
        assert_eq!(argument(b"base64:Q1P/"), "base64:YmFzZTY0OlExUC8");
    }

    /// A foreign value that begins with the mark by chance.
    #[test]
    fn a_text_that_does_not_decode_stays() {
        assert_eq!(unmarked(b"base64:canary!".to_vec()), b"base64:canary!");
    }

    #[test]
    fn each_kind_of_reply_is_converted() {
        let body = br#"[{"result":null},{"result":-3},{"result":"OK"},{"result":"T0s="},{"result":"YQ=="},
            {"result":["YQ==",null,2,["OK"]]},{"error":"NOSCRIPT No matching script."},{"result":""}]"#;
        let bulk = |text: &str| Value::BulkString(text.into());
        let mut values = replies(body, 8).unwrap();
        assert_eq!(values.pop(), Some(bulk("")));
        let Some(Value::ServerError(error)) = values.pop() else { panic!("{values:?}") };
        assert_eq!((error.code(), error.details()), ("NOSCRIPT", Some("No matching script.")));
        let array = Value::Array(vec![bulk("a"), Value::Nil, Value::Int(2), Value::Array(vec![Value::Okay])]);
        assert_eq!(values, [Value::Nil, Value::Int(-3), Value::Okay, bulk("OK"), bulk("a"), array]);
    }

    #[test]
    fn a_reply_of_another_form_is_an_error() {
        for body in [
            "",
            "<html>",
            "{}",
            "[]",
            r#"{"result":"OK"}"#,
            r#"[{"result":"OK"},{"result":"OK"}]"#,
            r"[{}]",
            r#"["OK"]"#,
            r#"[{"result":1.5}]"#,
            r#"[{"result":"*"}]"#,
            r#"[{"result":{}}]"#,
            r#"[{"error":5}]"#,
        ] {
            assert!(replies(body.as_bytes(), 1).is_err(), "{body}");
        }
    }
}
