//! Fuzzes the decoding of values, for each codec.

use std::collections::BTreeMap;
use std::fmt::Debug;

use cache_fuzz::{Grain, Input, Target};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;

/// A value with every kind of data that serde supports.
#[derive(Debug, Serialize, Deserialize)]
struct Value {
    text: String,
    letter: char,
    flag: bool,
    number: u64,
    signed: i32,
    wide: u128,
    real: f64,
    small: f32,
    bytes: Vec<u8>,
    pair: (u8, Option<String>),
    kind: Kind,
    by_name: BTreeMap<String, Kind>,
    by_number: BTreeMap<i64, bool>,
    unit: (),
}

#[derive(Debug, Serialize, Deserialize)]
enum Kind {
    Nothing,
    One(u16),
    Two(i8, String),
    Named { first: Vec<u32>, second: Option<f64> },
}

/// A value that contains values of its own kind.
#[derive(Debug, Serialize, Deserialize)]
struct Nest(Vec<Nest>);

impl Nest {
    fn depth(&self) -> usize {
        1 + self.0.iter().map(Self::depth).max().unwrap_or(0)
    }
}

/// The maximum nesting depth, for every codec.
const MAX_DEPTH: usize = 128;
/// The memory that serde may reserve for one sequence whose bytes claim to be long.
const MAX_BYTES: u64 = 1 << 20;

fn run(codec: Codec, bytes: &[u8]) -> u64 {
    let ends = [
        returns::<Value>(codec, bytes),
        returns::<Vec<Kind>>(codec, bytes),
        returns::<BTreeMap<String, Vec<String>>>(codec, bytes),
        returns::<Option<(char, f64, u128)>>(codec, bytes),
        nests(codec, bytes),
    ];
    written(codec, &value(&mut Input::new(bytes)));
    ends.iter().fold(0, |all, end| all * 32 + end)
}

/// Decodes arbitrary bytes within a limit of memory, and checks the round trip of the value.
fn returns<T: Serialize + DeserializeOwned + Debug>(codec: Codec, bytes: &[u8]) -> u64 {
    let mut decoded = None;
    let used = allocation_counter::measure(|| decoded = codec.decode::<T>(bytes).ok());
    assert!(used.bytes_max <= 8 * MAX_BYTES, "{} bytes are set aside", used.bytes_max);
    let Some(value) = decoded else { return 0 };
    written(codec, &value);
    1
}

fn nests(codec: Codec, bytes: &[u8]) -> u64 {
    let Ok(nest) = codec.decode::<Nest>(bytes) else { return 0 };
    assert!(nest.depth() <= MAX_DEPTH, "nested {} times", nest.depth());
    1 + nest.depth() as u64 / 8
}

/// Encodes a value, which must decode to exactly the same value or to an error.
fn written<T: Serialize + DeserializeOwned + Debug>(codec: Codec, value: &T) {
    let mut bytes = Vec::new();
    if codec.encode(value, &mut bytes).is_err() {
        return;
    }
    if let Ok(back) = codec.decode::<T>(&bytes) {
        assert_eq!(format!("{back:?}"), format!("{value:?}"), "another value came back");
        assert!(codec.returns(value, &bytes), "a value that came back is accused");
    }
    bytes.push(b'1');
    assert!(codec.decode::<T>(&bytes).is_err(), "a byte is left over");
}

fn value(input: &mut Input<'_>) -> Value {
    Value {
        text: input.text(),
        letter: char::from_u32(u32::try_from(input.number() % 0x11_0000).unwrap_or(0)).unwrap_or('\u{fffd}'),
        flag: input.flag(),
        number: input.number(),
        signed: i32::from_le_bytes([input.byte(), input.byte(), input.byte(), input.byte()]),
        wide: u128::from(input.number()) << 64 | u128::from(input.number()),
        real: f64::from_bits(input.number()),
        small: f32::from_le_bytes([input.byte(), input.byte(), input.byte(), input.byte()]),
        bytes: input.piece().to_vec(),
        pair: (input.byte(), input.flag().then(|| input.text())),
        kind: kind(input),
        by_name: (0..input.below(4)).map(|_| (input.text(), kind(input))).collect(),
        by_number: (0..input.below(4))
            .map(|_| (i64::from_le_bytes(input.number().to_le_bytes()), input.flag()))
            .collect(),
        unit: (),
    }
}

fn kind(input: &mut Input<'_>) -> Kind {
    match input.below(4) {
        0 => Kind::Nothing,
        1 => Kind::One(u16::from_le_bytes([input.byte(), input.byte()])),
        2 => Kind::Two(i8::from_le_bytes([input.byte()]), input.text()),
        // JSON has no other numbers: an optional one that is not finite would decode to `None` (`Codec::Json`).
        _ => Kind::Named {
            first: (0..input.below(5)).map(|_| u32::from(input.byte())).collect(),
            second: input.flag().then(|| f64::from_bits(input.number())).filter(|real| real.is_finite()),
        },
    }
}

/// Returns some values in the encoding of this codec.
fn seeds(codec: Codec) -> Vec<Vec<u8>> {
    let counting: Vec<u8> = (0..=255).cycle().take(600).collect();
    let values = [&counting[..0], &counting[..90], &counting].map(|bytes| value(&mut Input::new(bytes)));
    let mut nest = Nest(Vec::new());
    for _ in 0..20 {
        nest = Nest(vec![nest, Nest(Vec::new())]);
    }
    let mut seeds: Vec<_> = values.iter().map(|value| encoded(codec, value)).collect();
    seeds.push(encoded(codec, &nest));
    seeds.push(encoded(codec, &vec![Kind::Nothing, Kind::One(1), Kind::Two(-1, "two".to_owned())]));
    seeds.push(encoded(codec, &BTreeMap::from([("name".to_owned(), vec!["a".to_owned(), "b".to_owned()])])));
    seeds.push(encoded(codec, &Some(('x', 0.1_f64, u128::MAX))));
    seeds
}

fn encoded<T: Serialize>(codec: Codec, value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec.encode(value, &mut bytes).expect("a value that every codec takes");
    bytes
}

#[test]
fn message_pack() {
    let run = |bytes: &[u8]| run(Codec::MessagePack, bytes);
    let target = Target {
        name: "message_pack",
        grain: Grain::Bytes,
        dictionary: &["text", "kind", "Named"],
        longest: 1024,
        run,
    };
    target.fuzz(seeds(Codec::MessagePack));
}

#[cfg(feature = "json")]
#[test]
fn json() {
    let run = |bytes: &[u8]| run(Codec::Json, bytes);
    let dictionary =
        &["null", "true", "\"", "\\u", "\\", "[", "]", "{", "}", ",", ":", "-", ".", "e", "1e308", "\"Nothing\""];
    Target { name: "json", grain: Grain::Bytes, dictionary, longest: 1024, run }.fuzz(seeds(Codec::Json));
}

#[cfg(feature = "postcard")]
#[test]
fn postcard() {
    let run = |bytes: &[u8]| run(Codec::Postcard, bytes);
    Target { name: "postcard", grain: Grain::Bytes, dictionary: &["\u{1}"], longest: 1024, run }
        .fuzz(seeds(Codec::Postcard));
}
