//! Reads of keys: one command for the keys of each slot.

use std::collections::BTreeMap;

use redis::Value;

use super::redirect::Redirect;
use super::slots;
use crate::protocol::TierError;
use crate::tier::shared::redis::call::Call;
use crate::tier::shared::redis::operations::{accepted, unexpected};

/// Reads of keys, each with the places of its keys.
pub(super) struct Reads {
    pub(super) calls: Vec<Call>,
    places: Vec<Vec<usize>>,
}

impl Reads {
    /// One read for the keys of each slot.
    pub(super) fn by_slot(keys: &[&str]) -> Self {
        let mut slots: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (place, key) in keys.iter().enumerate() {
            slots.entry(slots::of(key.as_bytes())).or_default().push(place);
        }
        Self::new(keys, slots.into_values().collect())
    }

    /// One read for each of these keys.
    pub(super) fn one_by_one(keys: &[&str], places: &[usize]) -> Self {
        Self::new(keys, places.iter().map(|place| vec![*place]).collect())
    }

    fn new(keys: &[&str], places: Vec<Vec<usize>>) -> Self {
        let call = |places: &Vec<usize>| {
            let mut call = Call::on("MGET", keys[places[0]]);
            for place in &places[1..] {
                call.arg(keys[*place]);
            }
            call
        };
        Self { calls: places.iter().map(call).collect(), places }
    }

    /// Puts the replies into `values`, and returns the places of the keys that are to be read one by one: their slot is
    /// on its way, and they are on two servers.
    pub(super) fn place(self, replies: Vec<Value>, values: &mut [Value]) -> Result<Vec<usize>, TierError> {
        let mut alone = Vec::new();
        for (places, reply) in self.places.into_iter().zip(replies) {
            if places.len() > 1 && Redirect::of(&reply) == Some(Redirect::TryAgain) {
                alone.extend(places);
                continue;
            }
            let Some(Value::Array(found)) = accepted(vec![reply])?.pop() else { return Err(unexpected("MGET")) };
            if found.len() != places.len() {
                return Err(unexpected("MGET"));
            }
            for (place, value) in places.into_iter().zip(found) {
                values[place] = value;
            }
        }
        Ok(alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn reply(text: &str) -> Value {
        redis::parse_redis_value(text.as_bytes()).unwrap()
    }

    #[test]
    fn values_return_in_the_order_of_their_keys() {
        let keys = ["e:1", "g:{e:1}", "g:{e:*}", "e:2", "g:{e:2}"];
        let reads = Reads::by_slot(&keys);
        let sizes: Vec<_> = reads.calls.iter().map(|call| call.args().count() - 1).collect();
        assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (3, 5), "an entry is read with its generation");
        let replies =
            reads.places.iter().map(|places| Value::Array(places.iter().map(|at| value(keys[*at])).collect()));
        let replies = replies.collect();
        let mut values = vec![Value::Nil; keys.len()];
        assert_eq!(reads.place(replies, &mut values).unwrap(), [0; 0]);
        assert_eq!(values, keys.map(value));
    }

    #[test]
    fn keys_on_two_servers_are_read_one_by_one() {
        let keys = ["e:1", "g:{e:1}"];
        let mut values = vec![Value::Nil; 2];
        let alone = Reads::by_slot(&keys).place(vec![reply("-TRYAGAIN busy\r\n")], &mut values).unwrap();
        assert_eq!(alone, [0, 1]);
        let one_by_one = Reads::one_by_one(&keys, &alone);
        assert_eq!(one_by_one.calls.len(), 2);
        let found = vec![Value::Array(vec![value("a")]), Value::Array(vec![value("b")])];
        assert_eq!(one_by_one.place(found, &mut values).unwrap(), [0; 0]);
        assert_eq!(values, [value("a"), value("b")]);
    }

    #[test]
    fn other_replies_are_errors() {
        for text in
            ["-CLUSTERDOWN Hash slot not served\r\n", "-TRYAGAIN busy\r\n", "+OK\r\n", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"]
        {
            assert!(Reads::by_slot(&["e:1"]).place(vec![reply(text)], &mut [Value::Nil]).is_err(), "{text}");
        }
    }
}
