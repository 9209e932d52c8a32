//! Commands and replies as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::resp::Reply;

/// Parses a command: an array of strings and numbers.
pub(super) fn command(value: &Value) -> Option<Vec<Vec<u8>>> {
    let argument = |argument: &Value| match argument {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Number(number) => Some(number.to_string().into_bytes()),
        _ => None,
    };
    value.as_array()?.iter().map(argument).collect::<Option<Vec<_>>>().filter(|command| !command.is_empty())
}

/// The JSON object of a reply: `result` or `error`.
pub(super) fn object(reply: Reply, is_base64: bool) -> Value {
    match reply {
        Reply::Error(text) => json!({ "error": text }),
        reply => json!({ "result": result(reply, is_base64) }),
    }
}

/// With base64, every string is encoded but `OK`; without, what is no UTF-8 becomes U+FFFD.
fn result(reply: Reply, is_base64: bool) -> Value {
    let text = |bytes: &[u8]| {
        Value::String(if is_base64 { STANDARD.encode(bytes) } else { String::from_utf8_lossy(bytes).into_owned() })
    };
    match reply {
        Reply::Simple(word) if word == "OK" => Value::String(word),
        Reply::Simple(word) | Reply::Error(word) => text(word.as_bytes()),
        Reply::Integer(number) => json!(number),
        Reply::Bulk(bytes) => text(&bytes),
        Reply::Nil => Value::Null,
        Reply::Array(replies) => Value::Array(replies.into_iter().map(|reply| result(reply, is_base64)).collect()),
    }
}
