//! Checks whether values survive a round trip through their codec.
//!
//! Comparing the bytes is not enough: with a codec without field names, a value that omits a field may decode to
//! another value that encodes to the same bytes. Therefore the two values are compared by their [`digest`].

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Codec;
use super::digest::digest;
use crate::runtime::random;

/// How many values of a method are checked first, and again after each value that differs.
const FIRST: u32 = 8;
/// About one in this many of the later values is checked.
const LATER_ONE_IN: NonZeroU32 = NonZeroU32::new(1024).unwrap();

/// The checks of one read method.
#[derive(Debug)]
pub(crate) struct Trips {
    /// The number of values that are still checked without sampling.
    due: AtomicU32,
    warned: AtomicBool,
}

impl Trips {
    pub(crate) fn new() -> Self {
        Self { due: AtomicU32::new(FIRST), warned: AtomicBool::new(false) }
    }

    /// Whether the next value is checked.
    pub(crate) fn is_due(&self) -> bool {
        let taken = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| due.checked_sub(1));
        taken.is_ok() || random::one_in(LATER_ONE_IN)
    }

    /// Records a value that was altered; returns whether it is the first one.
    pub(crate) fn failed(&self) -> bool {
        self.due.store(FIRST, Ordering::Relaxed);
        !self.warned.swap(true, Ordering::Relaxed)
    }
}

impl Codec {
    /// Whether these bytes, which this codec produced from the value, decode to the same value.
    ///
    /// A value that serializes differently each time, such as one that contains a remaining time, counts as the same.
    /// The check does not detect fields that serde skips both ways, or another order of the elements of a list.
    pub(crate) fn returns<T: Serialize + DeserializeOwned>(self, value: &T, bytes: &[u8]) -> bool {
        let Ok(back) = self.decode::<T>(bytes) else { return false };
        [false, true].into_iter().all(|readable| {
            let digest = |value| catch_unwind(AssertUnwindSafe(|| digest(value, readable))).ok().flatten();
            let Some(before) = digest(value) else { return true };
            digest(&back) == Some(before) || digest(value) != Some(before)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};
    use std::fmt::Debug;
    use std::sync::atomic::AtomicU64;

    use serde::{Deserialize, Serialize, Serializer};

    use super::*;

    const ALL: [Codec; 3] = [Codec::MessagePack, Codec::Json, Codec::Postcard];

    /// Returns the codecs that preserve the value, without those that refuse it.
    fn returned_by<T: Serialize + DeserializeOwned + Debug>(value: &T) -> Vec<Codec> {
        let returns = |codec: &Codec| {
            let mut bytes = Vec::new();
            codec.encode(value, &mut bytes).is_ok() && codec.returns(value, &bytes)
        };
        ALL.into_iter().filter(returns).collect()
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Rights {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        admin: bool,
        groups: Vec<u8>,
        denied: Vec<u8>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Role {
        Guest,
        #[serde(skip)]
        #[expect(dead_code, reason = "it moves the numbers of the variants behind it")]
        Internal,
        Member,
        Admin,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct OneWay {
        #[serde(skip_deserializing)]
        one: u8,
        two: u8,
        three: Vec<u8>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Short(u8),
        Long(u64),
        Text(String),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        One { number: u8 },
        Two { text: String },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    struct TaggedStruct {
        number: u8,
        rest: Vec<u8>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "of")]
    enum Adjacent {
        One(u8),
        Two { text: String },
        Three,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        inner: BTreeMap<String, u8>,
        number: u8,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Renamed {
        #[serde(default, rename(serialize = "a"))]
        b: u8,
    }

    #[test]
    fn a_value_that_changes_in_the_round_trip_is_detected() {
        use Codec::{Json, MessagePack, Postcard};
        let rights = Rights { admin: false, groups: vec![0], denied: Vec::new() };
        assert_eq!(returned_by(&rights), [MessagePack, Json], "postcard reads the number of groups as a right");
        assert_eq!(returned_by(&Role::Guest), ALL);
        assert_eq!(returned_by(&Role::Member), [MessagePack, Json], "postcard reads an `Admin`");
        assert_eq!(returned_by(&Role::Admin), [MessagePack, Json]);
        assert_eq!(returned_by(&OneWay { one: 0, two: 2, three: vec![0, 0] }), [MessagePack, Json]);
        assert_eq!(returned_by(&OneWay { one: 1, two: 2, three: vec![0, 0] }), []);
        assert_eq!(returned_by(&Untagged::Text("a".to_owned())), [MessagePack, Json]);
        assert_eq!(returned_by(&Untagged::Long(5)), [], "it is decoded as `Short`");
        assert_eq!(returned_by(&Untagged::Long(1 << 40)), [MessagePack, Json]);
        assert_eq!(returned_by(&Tagged::One { number: 1 }), [MessagePack, Json]);
        for value in [Adjacent::One(1), Adjacent::Two { text: "a".to_owned() }, Adjacent::Three] {
            assert_eq!(returned_by(&value), [MessagePack, Json], "{value:?}");
        }
        assert_eq!(returned_by(&TaggedStruct { number: 1, rest: vec![1] }), [MessagePack, Json]);
        assert_eq!(returned_by(&Flat { inner: BTreeMap::from([("a".to_owned(), 1)]), number: 1 }), [MessagePack, Json]);
        assert_eq!(returned_by(&Renamed { b: 1 }), [Postcard], "the others look for it under another name");
        assert_eq!(returned_by(&Some(None::<u8>)), [Postcard], "the others write both as `None`");
        assert_eq!(returned_by(&Some(())), [Postcard]);
        assert_eq!(returned_by(&f64::NAN), [MessagePack, Postcard]);
        assert_eq!(returned_by(&Some(f64::INFINITY)), [MessagePack, Postcard]);
    }

    /// `-0.0`, NaN, every order of a set: no false alarm.
    #[test]
    fn equal_round_trips_raise_no_false_alarm() {
        for _ in 0..20 {
            let set: HashSet<u64> = (0..500).collect();
            let map: HashMap<String, HashSet<u8>> = (0..50).map(|at| (at.to_string(), (0..at).collect())).collect();
            assert_eq!(returned_by(&(set, map)), ALL);
        }
        assert_eq!(
            returned_by(&(-0.0_f64, f32::MIN_POSITIVE, u128::MAX, i128::MIN, 'x', std::net::Ipv4Addr::LOCALHOST)),
            ALL
        );
        let json = serde_json::json!({ "a": [1, -1, 1.5, null, true, "x", { "b": {} }], "c": u64::MAX });
        assert_eq!(returned_by(&json), [Codec::MessagePack, Codec::Json]);
    }

    #[derive(Clone, Debug)]
    struct Counting;

    impl Serialize for Counting {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            static COUNT: AtomicU64 = AtomicU64::new(0);
            serializer.serialize_u64(COUNT.fetch_add(1, Ordering::Relaxed))
        }
    }

    impl<'de> Deserialize<'de> for Counting {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            u64::deserialize(deserializer).map(|_| Self)
        }
    }

    #[test]
    fn a_nondeterministic_serializer_is_not_checked() {
        assert_eq!(returned_by(&Counting), ALL);
    }

    #[test]
    fn the_first_values_are_checked_and_few_later_ones() {
        let trips = Trips::new();
        assert!((0..FIRST).all(|_| trips.is_due()));
        let later = |trips: &Trips| (0..10_000).filter(|_| trips.is_due()).count();
        assert!((1..40).contains(&later(&trips)), "about ten of ten thousand");
        assert!(trips.failed() && !trips.failed(), "one warning");
        assert!((0..FIRST).all(|_| trips.is_due()), "after a failure the next ones are checked");
    }
}
