//! Reads as scripts.
//!
//! Any replica may answer `MGET` and `GETRANGE`, and one that lags shows a generation from before a lock
//! (<https://upstash.com/docs/redis/features/consistency>). A reader would then keep an old value in its local tier
//! after the message of the write has passed. A script may write, and so the primary executes it: only the forms that
//! cannot write (`EVALSHA_RO`) run on replicas (<https://upstash.com/docs/redis/commands/scripting/evalsha-ro>).

use std::borrow::Cow;
use std::sync::LazyLock;

use redis::Value;

use super::super::scripts::Script;
use super::json::{argument, stored_length};

/// Reads keys. An error of the command keeps its code.
const VALUES: &str = "return redis.pcall('MGET', unpack(KEYS))";
/// Reads a part of one key. `ARGV`: its first and its last position.
const RANGE: &str = "return redis.pcall('GETRANGE', KEYS[1], ARGV[1], ARGV[2])";

/// The most keys of one script: Lua passes less than 8000 arguments to a function.
pub(super) const KEYS_AT_ONCE: usize = 4000;

/// A command as the strings of its JSON array.
pub(super) type Command<'a> = Vec<Cow<'a, str>>;

/// The hashes of the scripts of this module.
static HASHES: LazyLock<[String; 2]> =
    LazyLock::new(|| [VALUES, RANGE].map(|text| redis::Script::new(text).get_hash().to_owned()));

/// The texts of all scripts that a server needs.
pub(super) fn scripts() -> impl Iterator<Item = &'static str> {
    Script::ALL.into_iter().map(Script::text).chain([VALUES, RANGE])
}

/// The script that reads keys.
pub(super) fn values<'a>(keys: &[&'a str]) -> Command<'a> {
    let mut command: Command<'a> = vec!["EVALSHA".into(), HASHES[0].as_str().into(), keys.len().to_string().into()];
    command.extend(keys.iter().map(|key| argument(key.as_bytes())));
    command
}

/// The limit of a command that reads the beginning of a value, in bytes of the value.
pub(super) struct Limit(usize);

impl Limit {
    /// Shortens the reply to the bytes that the command asked for: the stored text may have more.
    pub(super) fn apply(&self, reply: Value) -> Value {
        match reply {
            Value::BulkString(mut bytes) => {
                bytes.truncate(self.0);
                Value::BulkString(bytes)
            }
            reply => reply,
        }
    }
}

/// Converts the arguments of a command; one that reads a part of a value becomes a script.
pub(super) fn command<'a>(args: impl Iterator<Item = &'a [u8]>) -> (Command<'a>, Option<Limit>) {
    let command: Command<'a> = args.map(argument).collect();
    match &command[..] {
        [name, key, first, last] if name == "GETRANGE" && first == "0" => {
            let limit = last.parse::<usize>().map_or(usize::MAX, |last| last.saturating_add(1));
            let script = ["EVALSHA".into(), HASHES[1].as_str().into(), "1".into(), key.clone(), "0".into()];
            let last = stored_length(limit.min(usize::MAX / 4)).to_string().into();
            (script.into_iter().chain([last]).collect(), Some(Limit(limit)))
        }
        _ => (command, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(call: &str) -> (Vec<String>, Option<Limit>) {
        let (command, limit) = command(call.split(' ').map(str::as_bytes));
        (command.into_iter().map(Cow::into_owned).collect(), limit)
    }

    #[test]
    fn keys_are_read_by_a_script() {
        assert_eq!(values(&["a", "b"]), ["EVALSHA", HASHES[0].as_str(), "2", "a", "b"]);
    }

    #[test]
    fn a_part_is_read_by_a_script_and_cut_to_its_length() {
        let (command, limit) = arguments("GETRANGE k 0 5");
        assert_eq!(command, ["EVALSHA", HASHES[1].as_str(), "1", "k", "0", "15"]);
        let cut = limit.map(|limit| limit.apply(Value::BulkString(b"12345678".to_vec())));
        assert_eq!(cut, Some(Value::BulkString(b"123456".to_vec())));
    }

    #[test]
    fn other_commands_stay() {
        let (command, limit) = arguments("SET k v PX 5");
        assert_eq!(command, ["SET", "k", "v", "PX", "5"]);
        assert!(limit.is_none());
    }

    /// The documented differences of its Lua: a script may not change how it is replicated.
    #[test]
    fn no_script_uses_what_the_server_lacks() {
        for text in scripts() {
            assert!(!text.contains("replicate_commands") && !text.contains("set_repl"), "{text}");
        }
    }
}
