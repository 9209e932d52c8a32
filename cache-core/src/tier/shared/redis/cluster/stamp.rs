//! Generations and epochs as readers of a cluster see them: with the process that holds them, and by one clock.
//!
//! After a fail-over a shard may have generations and entries of the past. A single server has an epoch against that,
//! which all entries carry. In a cluster each generation carries the process of its server instead, so that a fail-over
//! of one shard ends only the entries with a scope on it.
//!
//! The epoch of a namespace is stamped as well: a fail-over of its shard may bring an old one back, and with it the entries
//! whose scopes are all on other shards.
//!
//! `U<micros>-<token>|<expiry>` becomes `U<micros>-<process>.<token>|<expiry>`; the expiry is that of the reference
//! clock. The script that renews a generation removes the process again.

use redis::Value;

use crate::protocol::grammar::wire;
use crate::protocol::{Message, ScopeHash};

const UNTIL: char = wire!(until).as_bytes()[0] as char;

/// How the generations of one server are changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp<'a> {
    /// The mark of the server's process.
    pub(super) process: &'a str,
    /// How far the server's clock is ahead of the reference clock, in milliseconds.
    pub(super) ahead: i64,
}

/// The mark of a process.
pub(super) fn mark(run_id: &str) -> String {
    format!("{:08x}", ScopeHash::of_name(run_id.as_bytes()).0 & 0xffff_ffff)
}

impl Stamp<'_> {
    /// Stamps the value of a scope. Locks and foreign values stay as they are.
    pub(super) fn value(self, value: Value) -> Value {
        match value {
            Value::BulkString(bytes) => Value::BulkString(self.bytes(bytes)),
            other => other,
        }
    }

    /// Stamps the epoch of one namespace in the reply to a heartbeat: the first element of a list. The time, which is
    /// none, stays as it is.
    pub(super) fn epoch_of(self, part: Value) -> Value {
        let Value::Array(mut fields) = part else { return part };
        if let Some(Value::BulkString(epoch)) = fields.first_mut() {
            *epoch = [self.process.as_bytes(), b".", epoch].concat();
        }
        Value::Array(fields)
    }

    fn bytes(self, bytes: Vec<u8>) -> Vec<u8> {
        match std::str::from_utf8(&bytes).ok().and_then(|text| self.generation(text)) {
            Some(stamped) => stamped.into_bytes(),
            None => bytes,
        }
    }

    fn generation(self, text: &str) -> Option<String> {
        let (made, rest) = text.strip_prefix(wire!(free))?.split_once('-')?;
        let (token, expiry) = match rest.split_once(UNTIL) {
            Some((token, expiry)) => (token, Some(expiry.parse().ok()?)),
            None => (rest, None),
        };
        let expiry = expiry.map(|expiry| format!("{}{}", wire!(until), on_the_reference_clock(expiry, self.ahead)));
        Some(format!("{}{made}-{}.{token}{}", wire!(free), self.process, expiry.unwrap_or_default()))
    }
}

/// Returns the message with the time of the reference clock; `None` if it stays as it is.
pub(super) fn message(payload: &[u8], ahead: i64) -> Option<String> {
    match Message::parse(payload)? {
        Message::Registered { expiry, writer, method } if ahead != 0 => {
            Some(Message::Registered { expiry: on_the_reference_clock(expiry, ahead), writer, method }.to_string())
        }
        _ => None,
    }
}

fn on_the_reference_clock(millis: u64, ahead: i64) -> u64 {
    millis.saturating_add_signed(ahead.saturating_neg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Generation, ScopeState};

    const STAMP: Stamp<'_> = Stamp { process: "00c0ffee", ahead: 500 };

    fn stamped(text: &str) -> String {
        let Value::BulkString(bytes) = STAMP.value(Value::BulkString(text.as_bytes().to_vec())) else { panic!() };
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_generation_has_its_process_and_the_common_time() {
        assert_eq!(stamped("U17-a"), "U17-00c0ffee.a");
        assert_eq!(stamped("U17-a|1700"), "U17-00c0ffee.a|1200");
        for other in ["L17:a", "U17", "U17-a|x", "", "garbage-a"] {
            assert_eq!(stamped(other), other);
        }
        assert_eq!(STAMP.value(Value::Nil), Value::Nil);
    }

    #[test]
    fn a_stamped_generation_keeps_its_age_and_its_writer() {
        let generation = Generation::from_bytes(stamped("U1700000000123456-00ff").as_bytes()).unwrap();
        assert_eq!(generation.made_at(), 1_700_000_000_123);
        assert!(generation.is_of("00ff"));
        let longest = format!("U1700000000123456-{}", crate::runtime::random::token_text());
        assert!(matches!(ScopeState::parse(Some(stamped(&longest).into_bytes())), ScopeState::Free(_)));
    }

    #[test]
    fn an_epoch_has_its_process() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let part = Value::Array(vec![text("e1"), Value::Int(1)]);
        assert_eq!(STAMP.epoch_of(part), Value::Array(vec![text("00c0ffee.e1"), Value::Int(1)]));
        assert_eq!(STAMP.epoch_of(text("1700")), text("1700"));
    }

    #[test]
    fn only_a_registration_has_a_time() {
        assert_eq!(message(b"P 1700 0a ns:e:*", 500).as_deref(), Some("P 1200 0a ns:e:*"));
        assert_eq!(message(b"I ns:e:1", 500), None);
        assert_eq!(message(b"P 1700 0a ns:e:*", 0), None);
    }

    #[test]
    fn processes_have_different_marks() {
        assert_ne!(mark("one"), mark("two"));
        assert_eq!(mark("one").len(), 8);
    }
}
