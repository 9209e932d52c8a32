//! The questions to one sentinel, and to the server that it names. Each has a connection of its own.

use std::collections::HashMap;

use redis::{FromRedisValue, Pipeline, Value};

use super::super::target::Target;
use super::resolve::Primary;
use crate::protocol::{TierError, TierErrorKind};

const WRONG_LOGIN: &str = "the sentinels do not accept the user and the password, which are not those of the servers: set REDIS_SENTINEL_USER and REDIS_SENTINEL_PASSWORD, or the settings of the builder for them";
const NO_RIGHT: &str =
    "the user of the sentinels may not do what the cache needs: give it the rights that ENVIRONMENT.md lists";
const NO_SENTINEL: &str =
    "the address is not that of a sentinel: give the port of one, which is 26379 by default, or use redis://";
const UNKNOWN_NAME: &str =
    "compare the name in the address, behind the hosts, with those that SENTINEL MASTERS lists on a sentinel";
const UNREACHABLE: &str = "check that the sentinels run, and that the address has their hosts and ports";
const OUTDATED: &str = "a fail-over is in progress, or the sentinels have not noticed that the server was demoted: compare the answers of SENTINEL MASTER and ROLE";

/// The advice by the beginning of an error message.
const ADVICE: [(&str, &str); 6] = [
    ("NOAUTH", WRONG_LOGIN),
    ("WRONGPASS", WRONG_LOGIN),
    ("Password authentication failed", WRONG_LOGIN),
    ("NOPERM", NO_RIGHT),
    ("ERR: unknown command", NO_SENTINEL),
    ("ERR: No such master", UNKNOWN_NAME),
];

/// Asks a sentinel for the primary, and for the epoch of this configuration.
///
/// The two commands are executed without another between them. `SENTINEL MASTER` alone is not enough: during a
/// fail-over, the sentinel that leads it already has the new epoch there, and still the old address.
pub(super) async fn primary(sentinel: &Target, name: &str) -> Result<Primary, TierError> {
    let mut questions = Pipeline::with_capacity(2);
    questions.cmd("SENTINEL").arg("MASTER").arg(name);
    questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    let replies = sentinel.ask(&questions).await.map_err(|error| explained(&error))?;
    parsed(replies).ok_or_else(|| {
        TierError::new(TierErrorKind::Protocol, "the answer of a sentinel has an unexpected form").advising(NO_SENTINEL)
    })
}

/// Returns an error if the server is not a primary. It may have been demoted since the sentinel has answered.
pub(super) async fn is_primary(server: &Target) -> Result<(), TierError> {
    let mut question = Pipeline::with_capacity(1);
    question.cmd("ROLE");
    if role(server.ask(&question).await?).as_deref() == Some("master") {
        return Ok(());
    }
    let message = "the server that the sentinels name is not a primary";
    Err(TierError::new(TierErrorKind::Refused, message).advising(OUTDATED))
}

/// The first part of the answer to `ROLE`.
fn role(replies: Value) -> Option<String> {
    let (parts,) = <(Vec<Value>,)>::from_redis_value(replies).ok()?;
    String::from_redis_value(parts.into_iter().next()?).ok()
}

fn parsed(replies: Value) -> Option<Primary> {
    let (properties, address) = <(HashMap<String, String>, (String, u16))>::from_redis_value(replies).ok()?;
    let epoch = properties.get("config-epoch")?.parse().ok()?;
    Some(Primary { address, epoch })
}

/// Replaces the advice, which is for servers, by one for sentinels.
fn explained(error: &TierError) -> TierError {
    let message = error.to_string();
    let advice = ADVICE.iter().find(|(begins, _)| message.starts_with(begins)).map(|(_, advice)| *advice);
    let explained = TierError::new(error.kind(), format!("a sentinel: {message}"));
    match (advice, error.kind()) {
        (Some(advice), _) => explained.advising(advice),
        (None, TierErrorKind::Disconnected | TierErrorKind::Timeout) => explained.advising(UNREACHABLE),
        (None, _) => explained.advising(error.advice()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn an_answer_is_parsed() {
        let master = ["name", "m", "ip", "old", "port", "1", "config-epoch", "7"].map(bulk).to_vec();
        let answer = |address| Value::Array(vec![Value::Array(master.clone()), address]);
        let parsed = |address| parsed(answer(address));
        let expected = Primary { address: ("new".to_owned(), 6380), epoch: 7 };
        assert_eq!(parsed(Value::Array(["new", "6380"].map(bulk).to_vec())), Some(expected));
        assert_eq!(parsed(Value::Nil), None);
        assert_eq!(parsed(Value::Array(["new", "65536"].map(bulk).to_vec())), None);
        assert_eq!(super::parsed(Value::Okay), None);
    }

    #[test]
    fn the_advice_is_about_the_sentinels() {
        let advice = |kind, message| explained(&TierError::new(kind, message)).advice();
        for (begins, expected) in ADVICE {
            assert_eq!(advice(TierErrorKind::Refused, begins), expected);
        }
        assert_eq!(advice(TierErrorKind::Disconnected, "Connection refused"), UNREACHABLE);
        assert_eq!(advice(TierErrorKind::Encryption, ""), TierError::new(TierErrorKind::Encryption, "").advice());
    }
}
