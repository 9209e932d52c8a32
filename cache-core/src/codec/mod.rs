//! The encoding of values in the shared tier.
//!
//! The local tier has typed values and needs no encoding. Bytes from the shared tier are not trusted: decoding is
//! bounded in depth, rejects remaining bytes, and catches panics of user code. A value that does not survive its codec
//! is found by a sample (`trip`), since serde allows types that lose data without an error.
//!
//! Invariant: the number of a codec in the envelope never changes, and bytes of another codec are a miss.

#[cfg(feature = "postcard")]
mod bounded;
mod digest;
mod trip;

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};

pub(crate) use trip::Trips;

/// The encoding of values in the shared tier.
///
/// The envelope names the codec: bytes of another codec are a miss, so the codec can be changed at any time. A value
/// that nests deeper than 128 levels is a miss on every read.
///
/// # Values that do not survive a round trip
///
/// A codec may decode some values differently than they were encoded, because of a serde attribute or a hand-written
/// implementation. `#[derive(CacheValue)]` rejects attributes that lose data for every value with every codec, and
/// `#[cached(codec = postcard)]` those that do so with postcard. Attributes that lose data for some values only, such
/// as `untagged`, and hand-written implementations are checked at run time.
///
/// The first 8 values of each method are decoded again and compared, then about one in 1,024, and the next 8 after each
/// one that differs. A value that differs is not stored in the shared tier. It counts as `altered` in
/// `cache.errors.total`, and the first one of a method is logged as a warning. The comparison uses the serialized data,
/// so it works for every type, whatever the order of a `HashMap`. It does not detect a field that serde skips both
/// ways, or a list whose elements are in another order. A value that serializes differently each time counts as
/// unaltered.
///
/// A `Serialize` or `Deserialize` implementation that panics has the same effect as one that returns an error: the
/// value is not cached, or the entry is a miss. With `panic = "abort"` the process ends instead.
///
/// # Choosing a codec
///
/// Keep the default unless there is a reason. JSON is for entries that people read in `redis-cli`, and takes more
/// bytes. postcard writes no field names, for types without the attributes that it cannot represent.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Codec, ReadPolicy};
///
/// assert_eq!(Codec::default(), Codec::MessagePack);
/// let policy = ReadPolicy::new(Duration::from_secs(60)).codec(Codec::MessagePack);
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Codec {
    /// `MessagePack` with field names: compact, self-describing. The default.
    ///
    /// `Some(None)` and `Some(())` inside a value decode to `None`.
    #[default]
    MessagePack,
    /// JSON, readable in `redis-cli`.
    ///
    /// `Some(None)` and `Some(())` inside a value decode to `None`, as does an optional number that is infinite or NaN.
    /// A value with such a number that is not optional is a miss on every read.
    #[cfg(feature = "json")]
    Json,
    /// postcard: compact, not self-describing.
    ///
    /// Values with `#[serde(flatten)]`, `untagged`, `tag`, `skip_serializing_if`, `skip_serializing`, or a variant with
    /// `skip` or `skip_deserializing` before others do not survive a round trip: `#[cached(codec = postcard)]` does not
    /// compile for a type with `#[derive(CacheValue)]` that uses one of them, itself or in a field.
    /// `serde_json::Value`, types without the derive, and a codec set by `ReadPolicy::codec` are checked at run time
    /// only.
    #[cfg(feature = "postcard")]
    Postcard,
}

/// Counts the bytes that are written to it.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error of a value that its codec rejected. Its text is for a log line, and never contains the value.
#[derive(Debug)]
pub(crate) struct CodecError;

impl Codec {
    /// The number of the codec in the envelope. It never changes.
    pub(crate) fn id(self) -> u8 {
        match self {
            Self::MessagePack => 1,
            #[cfg(feature = "json")]
            Self::Json => 2,
            #[cfg(feature = "postcard")]
            Self::Postcard => 3,
        }
    }

    /// Appends the bytes of a value. A panic in the value's own code is returned as an error.
    pub(crate) fn encode<T: Serialize>(self, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        catch_unwind(AssertUnwindSafe(|| self.encode_unguarded(value, out))).unwrap_or(Err(CodecError))
    }

    /// Returns the number of bytes of a value. A panic in the value's own code is returned as an error.
    pub(crate) fn encoded_size<T: Serialize>(self, value: &T) -> Result<usize, CodecError> {
        let mut count = Count(0);
        catch_unwind(AssertUnwindSafe(|| self.encode_unguarded(value, &mut count))).unwrap_or(Err(CodecError))?;
        Ok(count.0)
    }

    fn encode_unguarded<T: Serialize>(self, value: &T, out: &mut impl Write) -> Result<(), CodecError> {
        match self {
            Self::MessagePack => {
                let mut writer = rmp_serde::Serializer::new(out).with_struct_map();
                value.serialize(&mut writer).map_err(|_| CodecError)
            }
            #[cfg(feature = "json")]
            Self::Json => serde_json::to_writer(out, value).map_err(|_| CodecError),
            #[cfg(feature = "postcard")]
            Self::Postcard => postcard::to_io(value, out).map(drop).map_err(|_| CodecError),
        }
    }

    /// Decodes a whole value. Remaining bytes, and a panic in the value's own code, are errors.
    pub(crate) fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        catch_unwind(AssertUnwindSafe(|| self.decode_unguarded(bytes))).unwrap_or(Err(CodecError))
    }

    fn decode_unguarded<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        match self {
            Self::MessagePack => decode_message_pack(bytes),
            #[cfg(feature = "json")]
            Self::Json => serde_json::from_slice(bytes).map_err(|_| CodecError),
            #[cfg(feature = "postcard")]
            Self::Postcard => decode_postcard(bytes),
        }
    }
}

/// The maximum nesting depth: bytes from Redis must not overflow the stack. JSON has the same limit of its own.
const MAX_DEPTH: usize = 128;

fn decode_message_pack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    reader.set_max_depth(MAX_DEPTH);
    let value = T::deserialize(&mut reader).map_err(|_| CodecError)?;
    // The reader does not report how much it consumed: the simplest test for remaining bytes is to read another value.
    match serde::de::IgnoredAny::deserialize(&mut reader) {
        Err(_) => Ok(value),
        Ok(_) => Err(CodecError),
    }
}

#[cfg(feature = "postcard")]
fn decode_postcard<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut reader = postcard::Deserializer::from_bytes(bytes);
    let value = T::deserialize(bounded::Bounded::new(&mut reader, MAX_DEPTH)).map_err(|_| CodecError)?;
    match reader.finalize() {
        Ok([]) => Ok(value),
        _ => Err(CodecError),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const ALL: [Codec; 3] = [Codec::MessagePack, Codec::Json, Codec::Postcard];

    #[test]
    fn every_codec_round_trips() {
        for codec in ALL {
            let value = (String::from("a"), Some(7_u64), vec![1.5_f32], None::<bool>);
            let mut bytes = Vec::new();
            codec.encode(&value, &mut bytes).unwrap();
            assert_eq!(codec.encoded_size(&value).unwrap(), bytes.len(), "{codec:?}");
            assert_eq!(
                codec.decode::<(String, Option<u64>, Vec<f32>, Option<bool>)>(&bytes).unwrap(),
                value,
                "{codec:?}"
            );
        }
    }

    #[test]
    fn trailing_and_missing_bytes_are_errors() {
        for codec in ALL {
            let mut bytes = Vec::new();
            codec.encode(&String::from("abc"), &mut bytes).unwrap();
            assert!(codec.decode::<String>(&bytes[..bytes.len() - 1]).is_err(), "{codec:?}");
            bytes.push(b'1');
            assert!(codec.decode::<String>(&bytes).is_err(), "{codec:?}");
        }
    }

    type Large = (String, Vec<u64>, HashMap<String, Vec<u8>>);

    fn decode_all(bytes: &[u8]) {
        for codec in ALL {
            let _ = codec.decode::<Large>(bytes);
            let _ = codec.decode::<Vec<String>>(bytes);
            let _ = codec.decode::<HashMap<u64, String>>(bytes);
            let _ = codec.decode::<String>(bytes);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// S6: an envelope may contain arbitrary bytes.
        #[test]
        fn decoding_terminates_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            decode_all(&bytes);
        }
    }

    /// S6: a length of four billion elements causes no allocation before the elements are there.
    #[test]
    fn a_declared_length_does_not_preallocate() {
        let message_pack: [&[u8]; 5] = [
            b"\xdd\xff\xff\xff\xff",          // an array
            b"\xdf\xff\xff\xff\xff",          // a map
            b"\xdb\xff\xff\xff\xff",          // text
            b"\xc6\xff\xff\xff\xff",          // bytes
            b"\x93\xa1a\xdd\x7f\xff\xff\xff", // an array inside of a tuple
        ];
        let postcard: [&[u8]; 2] = [b"\xff\xff\xff\xff\x0f", b"\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"];
        for bytes in message_pack.into_iter().chain(postcard) {
            let used = allocation_counter::measure(|| decode_all(bytes));
            assert!(used.bytes_max < 4 * 1024 * 1024, "{bytes:x?} took {} bytes", used.bytes_max);
        }
        let control = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 8 * 1024 * 1024])));
        assert!(control.bytes_max >= 8 * 1024 * 1024, "allocations are counted");
    }

    /// A panic in user code is an error of the codec.
    #[test]
    fn a_panic_of_the_value_is_an_error() {
        #[derive(Debug)]
        struct Touchy(u8);
        impl Serialize for Touchy {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                assert_ne!(self.0, 13, "never written");
                serializer.serialize_u8(self.0)
            }
        }
        impl<'de> serde::Deserialize<'de> for Touchy {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = u8::deserialize(deserializer)?;
                assert_ne!(number, 7, "never read");
                Ok(Self(number))
            }
        }
        for codec in ALL {
            let mut bytes = Vec::new();
            assert!(codec.encode(&Touchy(13), &mut Vec::new()).is_err(), "{codec:?}");
            assert!(codec.encoded_size(&Touchy(13)).is_err(), "{codec:?}");
            codec.encode(&Touchy(7), &mut bytes).unwrap();
            assert!(codec.decode::<Touchy>(&bytes).is_err(), "{codec:?}");
            assert!(!codec.returns(&Touchy(7), &bytes), "{codec:?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        #[derive(Debug, serde::Deserialize)]
        struct Nest(#[allow(dead_code, reason = "only its depth matters")] Vec<Nest>);
        for (codec, one_more) in [(Codec::MessagePack, 0x91), (Codec::Json, b'['), (Codec::Postcard, 1)] {
            assert!(codec.decode::<Nest>(&vec![one_more; 1_000_000]).is_err(), "{codec:?}");
        }
    }
}
