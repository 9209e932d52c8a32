//! A digest of the data that a value serializes, independent of the codec.
//!
//! Two values have the same digest if they serialize the same numbers, texts, variants and fields in the same places.
//! The order of the elements of a list and of the entries of a map is ignored, since a `HashMap` or a `HashSet` has
//! another order after decoding.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

/// Returns the digest of a value; `None` if its serialization fails.
///
/// `readable` is whether the value sees a human-readable format. Many types write text for such a format and numbers
/// for others.
pub(super) fn digest<T: Serialize + ?Sized>(value: &T, readable: bool) -> Option<u64> {
    value.serialize(Digest { readable }).ok()
}

/// The kinds of data in the digest: `Some(None)`, `None` and `()` are different.
#[derive(Clone, Copy)]
enum Kind {
    Bool = 1,
    Signed,
    Unsigned,
    Single,
    Double,
    Char,
    Text,
    Bytes,
    None,
    Some,
    Unit,
    Variant,
    List,
    Tuple,
    Map,
    Struct,
}

/// Multiplies two 64-bit numbers and folds the product, as wyhash does (Wang Yi).
#[expect(clippy::cast_possible_truncation, reason = "both halves of the product are used")]
fn mix(one: u64, two: u64) -> u64 {
    let product = u128::from(one ^ 0xa076_1d64_78bd_642f) * u128::from(two ^ 0xe703_7ed1_a0b4_28db);
    (product >> 64) as u64 ^ product as u64
}

fn number(kind: Kind, width: u64, bits: u64) -> u64 {
    mix(mix(kind as u64, width), bits)
}

fn text(kind: Kind, bytes: &[u8]) -> u64 {
    mix(kind as u64, xxh3_64(bytes))
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value refuses to be serialized")
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[derive(Clone, Copy)]
struct Digest {
    readable: bool,
}

impl Digest {
    fn parts(self, kind: Kind) -> Parts {
        Parts { digest: self, state: kind as u64 }
    }

    fn variant(self, name: &str) -> Parts {
        Parts { digest: self, state: text(Kind::Variant, name.as_bytes()) }
    }

    fn elements(self, kind: Kind) -> Elements {
        Elements { digest: self, kind, sum: 0, count: 0, key: 0 }
    }
}

macro_rules! numbers {
    ($($method:ident($type:ty) = $kind:ident $width:literal, |$value:ident| $bits:expr;)*) => {$(
        fn $method(self, $value: $type) -> Result<u64, Refused> {
            Ok(number(Kind::$kind, $width, $bits))
        }
    )*};
}

impl Serializer for Digest {
    type Ok = u64;
    type Error = Refused;
    type SerializeSeq = Elements;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Elements;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    numbers! {
        serialize_bool(bool) = Bool 1, |value| u64::from(value);
        serialize_i8(i8) = Signed 8, |value| i64::from(value).cast_unsigned();
        serialize_i16(i16) = Signed 16, |value| i64::from(value).cast_unsigned();
        serialize_i32(i32) = Signed 32, |value| i64::from(value).cast_unsigned();
        serialize_i64(i64) = Signed 64, |value| value.cast_unsigned();
        serialize_i128(i128) = Signed 128, |value| xxh3_64(&value.to_le_bytes());
        serialize_u8(u8) = Unsigned 8, |value| u64::from(value);
        serialize_u16(u16) = Unsigned 16, |value| u64::from(value);
        serialize_u32(u32) = Unsigned 32, |value| u64::from(value);
        serialize_u64(u64) = Unsigned 64, |value| value;
        serialize_u128(u128) = Unsigned 128, |value| xxh3_64(&value.to_le_bytes());
        serialize_f32(f32) = Single 32, |value| u64::from(value.to_bits());
        serialize_f64(f64) = Double 64, |value| value.to_bits();
        serialize_char(char) = Char 32, |value| u64::from(value);
    }

    fn serialize_str(self, value: &str) -> Result<u64, Refused> {
        Ok(text(Kind::Text, value.as_bytes()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<u64, Refused> {
        Ok(text(Kind::Bytes, value))
    }

    fn serialize_none(self) -> Result<u64, Refused> {
        Ok(number(Kind::None, 0, 0))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, Refused> {
        Ok(mix(Kind::Some as u64, value.serialize(self)?))
    }

    fn serialize_unit(self) -> Result<u64, Refused> {
        Ok(number(Kind::Unit, 0, 0))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<u64, Refused> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<u64, Refused> {
        Ok(self.variant(variant).state)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<u64, Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<u64, Refused> {
        self.variant(variant).with(value).map(|parts| parts.state)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements, Refused> {
        Ok(self.elements(Kind::List))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Refused> {
        Ok(self.parts(Kind::Tuple))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, Refused> {
        Ok(self.parts(Kind::Tuple))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Refused> {
        Ok(self.variant(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Elements, Refused> {
        Ok(self.elements(Kind::Map))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, Refused> {
        Ok(self.parts(Kind::Struct))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Refused> {
        Ok(self.variant(variant))
    }

    fn is_human_readable(&self) -> bool {
        self.readable
    }
}

/// Parts in a fixed order: the fields of a struct, the elements of a tuple.
struct Parts {
    digest: Digest,
    state: u64,
}

impl Parts {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.state = mix(self.state, value.serialize(self.digest)?);
        Ok(())
    }

    fn with<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, Refused> {
        self.push(value)?;
        Ok(self)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Refused> {
        self.state = mix(self.state, xxh3_64(name.as_bytes()));
        self.push(value)
    }
}

macro_rules! by_place {
    ($($part:ident::$method:ident),*) => {$(
        impl ser::$part for Parts {
            type Ok = u64;
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                self.push(value)
            }

            fn end(self) -> Result<u64, Refused> {
                Ok(self.state)
            }
        }
    )*};
}

by_place!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! by_name {
    ($($part:ident),*) => {$(
        impl ser::$part for Parts {
            type Ok = u64;
            type Error = Refused;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Refused> {
                self.field(name, value)
            }

            fn end(self) -> Result<u64, Refused> {
                Ok(self.state)
            }
        }
    )*};
}

by_name!(SerializeStruct, SerializeStructVariant);

/// Parts in any order: the elements of a list, the entries of a map.
struct Elements {
    digest: Digest,
    kind: Kind,
    sum: u64,
    count: u64,
    /// The digest of the key of the next value.
    key: u64,
}

impl Elements {
    fn push(&mut self, element: u64) {
        self.sum = self.sum.wrapping_add(mix(self.kind as u64, element));
        self.count += 1;
    }

    fn finish(&self) -> u64 {
        number(self.kind, self.count, self.sum)
    }
}

impl ser::SerializeSeq for Elements {
    type Ok = u64;
    type Error = Refused;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        let element = value.serialize(self.digest)?;
        self.push(element);
        Ok(())
    }

    fn end(self) -> Result<u64, Refused> {
        Ok(self.finish())
    }
}

impl ser::SerializeMap for Elements {
    type Ok = u64;
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.key = key.serialize(self.digest)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        let value = value.serialize(self.digest)?;
        self.push(mix(self.key, value));
        Ok(())
    }

    fn end(self) -> Result<u64, Refused> {
        Ok(self.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};
    use std::net::Ipv4Addr;

    use serde::Serialize;

    use super::digest;

    #[derive(Serialize)]
    enum Kind {
        Unit,
        Other,
        New(u8),
        Pair(u8, u8),
        Named { one: u8, two: u8 },
    }

    #[derive(Serialize)]
    struct Named {
        one: u8,
        two: u8,
    }

    #[test]
    fn different_values_have_different_digests() {
        macro_rules! all {
            ($($value:expr),* $(,)?) => { vec![$(digest(&$value, false).unwrap()),*] };
        }
        let digests = all![
            (),
            None::<()>,
            Some(()),
            Some(None::<()>),
            Some(Some(())),
            false,
            true,
            0_u8,
            0_i8,
            0_u16,
            0_i16,
            0_u32,
            0_i32,
            0_u64,
            0_i64,
            0_u128,
            0_i128,
            1_u8,
            -1_i8,
            -1_i64,
            0_f32,
            0_f64,
            -0.0_f64,
            f64::NAN,
            f64::INFINITY,
            '0',
            "",
            "0",
            "00",
            [0_u8; 0],
            [0_u8],
            [0_u8; 2],
            (0_u8, 1_u8),
            (1_u8, 0_u8),
            vec![0_u8; 0],
            vec![0_u8],
            vec![0_u8; 2],
            vec![vec![0_u8], vec![]],
            vec![Vec::<u8>::new()],
            BTreeMap::from([(1, 2)]),
            BTreeMap::from([(2, 1)]),
            BTreeMap::from([(1, 2), (2, 1)]),
            BTreeMap::from([(1, 1), (2, 2)]),
            Kind::Unit,
            Kind::Other,
            Kind::New(0),
            Kind::New(1),
            Kind::Pair(0, 1),
            Kind::Pair(1, 0),
            Kind::Named { one: 0, two: 1 },
            Kind::Named { one: 1, two: 0 },
            Named { one: 0, two: 1 },
            Named { one: 1, two: 0 },
        ];
        let different: HashSet<u64> = digests.iter().copied().collect();
        assert_eq!(different.len(), digests.len());
    }

    #[test]
    fn the_order_in_a_set_or_a_map_does_not_count() {
        let numbers: Vec<u64> = (0..200).collect();
        let reversed: Vec<u64> = numbers.iter().copied().rev().collect();
        // Each of these has its own random hasher, and therefore its own order.
        let set = |numbers: &[u64]| digest(&numbers.iter().copied().collect::<HashSet<u64>>(), false);
        assert_eq!(set(&numbers), set(&reversed));
        let map = |numbers: &[u64]| digest(&numbers.iter().map(|at| (*at, at + 1)).collect::<HashMap<_, _>>(), false);
        assert_eq!(map(&numbers), map(&reversed));
        assert_eq!(digest(&numbers, false), digest(&reversed, false), "a list has the digest of a set");
    }

    #[test]
    fn a_type_can_query_whether_the_format_is_human_readable() {
        let address = Ipv4Addr::LOCALHOST;
        assert_eq!(digest(&address, true), digest("127.0.0.1", true));
        assert_ne!(digest(&address, true), digest(&address, false));
    }
}
