//! Advice for operators about a refusal, by the code of the server's error.

use redis::{ErrorKind, RedisError, ServerError};

use crate::protocol::{TierError, TierErrorKind};

/// The advice by code. The server defines the codes
/// (<https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors>).
const ADVICE: [(&str, &str); 16] = [
    ("READONLY", "the server is a replica: give the address of the primary, or one that follows a fail-over"),
    ("OOM", "the server's memory is full: raise its maxmemory, or let it evict (maxmemory-policy)"),
    ("LOADING", "the server is reading its data from disk: wait until it has"),
    ("MASTERDOWN", "the server is a replica without its primary: give the address of the primary"),
    ("NOREPLICAS", "the server has fewer replicas than its min-replicas-to-write: check the replicas"),
    ("MISCONF", "the server cannot save its data and refuses writes: check its disk"),
    ("NOAUTH", NO_PASSWORD),
    ("WRONGPASS", WRONG_PASSWORD),
    ("NOPERM", NO_RIGHT),
    ("DENIED", "the server is in protected mode: give it a password, or let it listen to this network only"),
    ("BUSY", "a script that is not the cache's keeps the server busy: end it with SCRIPT KILL"),
    ("MOVED", NO_CLUSTER),
    ("ASK", NO_CLUSTER),
    ("TRYAGAIN", "a slot of the cluster is on its way, and its keys are on two servers: wait until it has arrived"),
    ("CLUSTERDOWN", "the cluster is incomplete: check that each slot has a primary (CLUSTER INFO)"),
    ("CROSSSLOT", NO_CLUSTER),
];
const NO_PASSWORD: &str = "the server wants a password: put one into the address or beside it";
const NO_RIGHT: &str = "the user may not do what the cache needs: give it the rights that ENVIRONMENT.md lists";
const WRONG_PASSWORD: &str = "the server does not accept the user and the password: compare them with its ACL";
const NO_CLUSTER: &str = "the server is a node of a Redis Cluster: give an address that begins with redis-cluster://";

/// The advice by words of the message, for errors with a generic code.
const ADVICE_ON_WORDS: [(&str, &str); 8] = [
    ("cluster support disabled", "the server is no node of a Redis Cluster: give an address that begins with redis://"),
    ("max number of clients", "the server has all the clients that it accepts: raise its maxclients"),
    ("unknown command", "the server lacks a command that the cache needs: it has to be Redis, version 6 or later"),
    ("DB index is out of range", NO_DATABASE),
    ("not allowed in cluster mode", NO_CLUSTER),
    // Those of Upstash: https://upstash.com/docs/redis/troubleshooting/max_requests_limit and its neighbours.
    ("max requests limit", LIMIT),
    ("max daily request limit", LIMIT),
    ("DB capacity quota", "the database is as large as its plan allows: enable its eviction, or change the plan"),
];
/// The advice for a refusal by the plan of a database.
pub(super) const LIMIT: &str = "the database has used up the requests of its plan: wait for the next period, change the plan, or send fewer (a longer lease, more local hits)";
const NO_DATABASE: &str =
    "the server has no database with the number that is in the address: use one below its `databases`";

/// The advice for a refused `SELECT` during the handshake, for which the library omits the code.
const ADVICE_ON_DATABASE: [(&str, &str); 2] = [("Authentication required", NO_PASSWORD), ("no permissions", NO_RIGHT)];
/// The library's description of that error.
const DATABASE_REFUSED: &str = "refused to switch database";

/// Returns the error of a server that replied but refused the command.
pub(super) fn refusal(error: &RedisError) -> Option<TierError> {
    // Over RESP2 the library reports this itself.
    if error.kind() == ErrorKind::AuthenticationFailed {
        let refused = TierError::new(TierErrorKind::Refused, "Password authentication failed");
        return Some(refused.advising(WRONG_PASSWORD));
    }
    if let Some(refused) = database_refusal(error) {
        return Some(refused);
    }
    let errors = error.clone().into_server_errors()?;
    let (_, first) = errors.first()?;
    let refused = TierError::new(TierErrorKind::Refused, told(first));
    let advice = advice(first.code(), first.details().unwrap_or_default());
    Some(match advice {
        // Only the keys of one slot, which is on its way to another server of the cluster.
        Some(advice) if first.code() == "TRYAGAIN" => refused.advising(advice).of_one_command(),
        Some(advice) => refused.advising(advice),
        None if first.code() == "ERR" => refused.of_one_command(),
        None => refused,
    })
}

/// Returns the error of a server that did not switch to the database of the address.
fn database_refusal(error: &RedisError) -> Option<TierError> {
    if !error.to_string().contains(DATABASE_REFUSED) {
        return None;
    }
    let words = error.detail().and_then(|words| words.lines().next()).unwrap_or_default();
    let words = words.split(", with args").next().unwrap_or_default();
    let by_words = ADVICE_ON_DATABASE.iter().find(|(known, _)| words.contains(known)).map(|(_, advice)| *advice);
    let refused = TierError::new(TierErrorKind::Refused, format!("SELECT: {words}"));
    Some(match by_words.or_else(|| advice("ERR", words)) {
        Some(advice) => refused.advising(advice),
        None => refused,
    })
}

/// The server's error message: its code and the first line of its text.
///
/// It omits the addresses of other servers and the arguments of the command: a server that does not know HELLO repeats
/// the password in it.
fn told(error: &ServerError) -> String {
    let words = error.details().and_then(|words| words.lines().next());
    match (error.code(), words.map(|words| words.split(", with args").next().unwrap_or_default())) {
        (code @ ("MOVED" | "ASK"), _) | (code, None) => code.to_owned(),
        (code, Some(words)) => format!("{code}: {words}"),
    }
}

pub(super) fn advice(code: &str, words: &str) -> Option<&'static str> {
    let by_code = |code: &str| ADVICE.iter().find(|(known, _)| *known == code).map(|(_, advice)| *advice);
    let by_words = || ADVICE_ON_WORDS.iter().find(|(known, _)| words.contains(known)).map(|(_, advice)| *advice);
    by_code(code).or_else(|| code_within(words).and_then(by_code)).or_else(by_words)
}

/// Finds the code of an error within a script, for servers before version 7.
///
/// These put it into the message.
fn code_within(words: &str) -> Option<&str> {
    let codes = words.split_whitespace().filter_map(|word| word.strip_prefix('-'));
    codes.into_iter().find(|code| code.chars().all(|letter| letter.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_advice_of_its_own() {
        for (code, expected) in ADVICE {
            assert_eq!(advice(code, ""), Some(expected));
        }
        let mut all: Vec<&str> = ADVICE.iter().chain(&ADVICE_ON_WORDS).map(|(_, advice)| *advice).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), ADVICE.len() + ADVICE_ON_WORDS.len() - 4, "only a cluster and a limit have several");
    }

    #[test]
    fn an_error_without_a_code_keeps_its_text() {
        for (words, expected) in [
            ("max number of clients reached", "maxclients"),
            ("DB index is out of range", "database with the number"),
            ("SELECT is not allowed in cluster mode", "Redis Cluster"),
            ("unknown command `HELLO`, with args beginning with: `3`", "version 6"),
            ("Error running script (call to f_00ff): @user_script:36: -OOM command not allowed", "maxmemory"),
            ("Error running script (call to f_00ff): @user_script:36: -READONLY You can't write", "primary"),
        ] {
            assert!(advice("ERR", words).is_some_and(|advice| advice.contains(expected)), "{words}");
        }
        assert_eq!(advice("ERR", "syntax error near -1"), None);
        assert_eq!(advice("ELSE", ""), None);
    }

    /// The messages of Redis 7 and of Redis 5.
    #[test]
    fn a_password_in_a_server_error_is_redacted() {
        for words in [
            "unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'tests' 'canary' ",
            "unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `tests`, `canary`, ",
        ] {
            let unknown = redis::make_extension_error("ERR".to_owned(), Some(words.to_owned()));
            let error = refusal(&unknown).unwrap();
            assert!(error.to_string().starts_with("ERR: unknown command") && !error.to_string().contains("canary"));
        }
    }

    #[test]
    fn the_address_of_another_server_is_redacted() {
        let moved = redis::make_extension_error("MOVED".to_owned(), Some("3999 canary:6381".to_owned()));
        let error = refusal(&moved).unwrap();
        assert_eq!((error.to_string().as_str(), error.advice()), ("MOVED", NO_CLUSTER));
    }
}
