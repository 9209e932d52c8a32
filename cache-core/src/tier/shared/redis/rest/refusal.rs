//! Responses other than 200, as errors with advice.

use serde_json::Value;

use super::super::server_error::{LIMIT, advice};
use crate::protocol::{TierError, TierErrorKind};

const TOKEN: &str = "the server does not accept the token: copy UPSTASH_REDIS_REST_TOKEN from the REST tab of Upstash's console; the password of the database is another text";
const ADDRESS: &str = "check that the address is that of a REST interface of Upstash: UPSTASH_REDIS_REST_URL";
const TROUBLE: &str = "the service or a proxy in front of it has a problem: check the status page of the service";

/// The most bytes of a server's text that an error repeats.
const MAX_TEXT: usize = 200;

/// Converts a response (<https://upstash.com/docs/redis/features/restapi#http-codes>).
pub(super) fn refusal(status: u16, body: &[u8]) -> TierError {
    let text = text(body);
    let told = match &text {
        Some(text) => format!("HTTP {status}: {text}"),
        None => format!("HTTP {status}"),
    };
    let refused = TierError::new(TierErrorKind::Refused, told.clone());
    match status {
        // The text may repeat what was sent.
        401 | 403 => TierError::new(TierErrorKind::Refused, format!("HTTP {status}")).advising(TOKEN),
        429 => refused.advising(LIMIT),
        400 | 413 => {
            match text.as_deref().and_then(|text| text.split_once(' ')).and_then(|(code, words)| advice(code, words)) {
                Some(advice) => refused.advising(advice),
                None => refused.of_one_command(),
            }
        }
        500..=599 => refused.advising(TROUBLE),
        _ => TierError::new(TierErrorKind::Protocol, told).advising(ADDRESS),
    }
}

/// The error of a reply that is no JSON of the interface, such as the page of a proxy.
pub(super) fn unexpected() -> TierError {
    TierError::new(TierErrorKind::Protocol, "the reply is not that of a REST interface of Redis").advising(ADDRESS)
}

/// The text of `{"error": …}`: its first line without the arguments of the command.
fn text(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let line = body.get("error")?.as_str()?.lines().next()?;
    let words = line.split(", with args").next().unwrap_or_default();
    let words = words.split(", command was").next().unwrap_or_default();
    Some(words.chars().take(MAX_TEXT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Vec<u8> {
        serde_json::json!({ "error": text }).to_string().into_bytes()
    }

    #[test]
    fn each_status_has_a_kind_and_advice() {
        let limit = "ERR max requests limit exceeded. Limit: 10000, Usage: 10000.";
        for (status, text, kind, advised) in [
            (401, "WRONGPASS invalid or missing auth token", TierErrorKind::Refused, "UPSTASH_REDIS_REST_TOKEN"),
            (429, limit, TierErrorKind::Refused, "plan"),
            (400, limit, TierErrorKind::Refused, "plan"),
            (400, "NOPERM this user has no permissions", TierErrorKind::Refused, "rights"),
            (405, "ERR method not allowed", TierErrorKind::Protocol, "UPSTASH_REDIS_REST_URL"),
            (404, "", TierErrorKind::Protocol, "UPSTASH_REDIS_REST_URL"),
            (301, "", TierErrorKind::Protocol, "UPSTASH_REDIS_REST_URL"),
            (503, "", TierErrorKind::Refused, "status page"),
        ] {
            let error = refusal(status, &body(text));
            assert_eq!(error.kind(), kind, "{status}");
            assert!(error.advice().contains(advised), "{status}: {}", error.advice());
            assert!(error.to_string().starts_with(&format!("HTTP {status}")), "{error}");
        }
    }

    #[test]
    fn an_error_of_one_command_does_not_blame_the_server() {
        assert!(refusal(400, &body("ERR syntax error")).is_of_one_command());
        assert!(!refusal(400, &body("ERR max requests limit exceeded")).is_of_one_command());
        assert!(!refusal(429, b"<html>").is_of_one_command());
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        for (status, text) in [
            (401, "WRONGPASS canary"),
            (400, "ERR unknown command 'x', with args beginning with: 'canary'"),
            (400, "ERR failed, command was: [\"SET\",\"canary\"]"),
            (400, "ERR first\ncanary"),
        ] {
            assert!(!refusal(status, &body(text)).to_string().contains("canary"), "{text}");
        }
        assert!(refusal(400, &body(&"x".repeat(10_000))).to_string().len() < 250);
    }
}
