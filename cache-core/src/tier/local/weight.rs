//! The weight of an entry: what it occupies of the capacity of its tier.

use quick_cache::Weighter;

use super::LocalEntry;
use super::placed::Placed;

/// The share of the key and the entry itself in a tier that is bounded by bytes.
///
/// A fixed number: the length of a key is not known without writing it, and the sizes in the tables of the engines
/// depend on the types. 128 bytes are those of an entry with a short key, with its share of the indices.
const OVERHEAD: u64 = 128;
/// The largest part of the capacity that one entry may occupy is a tenth.
const LARGEST_PART: u64 = 10;

/// The number of bytes that an entry weighs, or one in a tier that is bounded by entries.
///
/// A floating-point number without a sign, with 11 bits of mantissa and 5 bits of exponent: it leaves room for the
/// [last use](super::idle::LastUse) in the place of one number, so that no entry grows. It is rounded up, by at most
/// one in 1,024.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight(u16);

const MANTISSA_BITS: u32 = 11;

impl Weight {
    pub(crate) const ONE: Self = Self(1);

    /// The weight of a value of this size in a tier of this capacity, unless it is too large for it.
    pub(crate) fn of_value(size: usize, capacity: u64) -> Option<Self> {
        let bytes = (size as u64).saturating_add(OVERHEAD);
        (bytes <= capacity / LARGEST_PART).then(|| Self::rounded_up(bytes))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the mantissa has 11 bits, and the exponent is cut to 5")]
    fn rounded_up(bytes: u64) -> Self {
        let bits = u64::BITS - bytes.leading_zeros();
        let exponent = bits.saturating_sub(MANTISSA_BITS);
        let mantissa = bytes.div_ceil(1 << exponent);
        // The carry of the rounding.
        let (mantissa, exponent) =
            if mantissa >> MANTISSA_BITS == 0 { (mantissa, exponent) } else { (mantissa >> 1, exponent + 1) };
        if exponent >= 1 << (u16::BITS - MANTISSA_BITS) {
            return Self(u16::MAX);
        }
        Self((exponent << MANTISSA_BITS) as u16 | mantissa as u16)
    }

    pub(super) fn units(self) -> u64 {
        let mantissa = u64::from(self.0 & ((1 << MANTISSA_BITS) - 1));
        mantissa << (self.0 >> MANTISSA_BITS)
    }
}

/// Gives `quick_cache` the weights. It asks again when it removes an entry, so it is not asked about the value.
#[derive(Debug, Clone)]
pub(super) struct ByWeight;

impl<K, R> Weighter<Placed<K>, LocalEntry<R>> for ByWeight {
    fn weight(&self, key: &Placed<K>, _: &LocalEntry<R>) -> u64 {
        key.weight.units()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_rounded_up_by_a_thousandth_at_most() {
        assert_eq!(Weight::ONE.units(), 1);
        let around = |bytes: u64| [bytes - 1, bytes, bytes + 1];
        for bytes in (1..42).flat_map(|bit| around(1 << bit)).chain([1, 127, 2047, 2049, 6_710_886, 99_999_999]) {
            let units = Weight::rounded_up(bytes).units();
            assert!(units >= bytes && units - bytes <= bytes / 1024, "{bytes}: {units}");
        }
        assert_eq!(Weight::rounded_up(u64::MAX).units(), Weight(u16::MAX).units(), "the largest weight is 4 TiB");
    }

    #[test]
    fn an_entry_weighs_a_tenth_of_the_capacity_at_most() {
        let units = |size, capacity| Weight::of_value(size, capacity).map(Weight::units);
        assert_eq!(units(0, 1280), Some(128));
        assert_eq!((units(872, 10_000), units(873, 10_000)), (Some(1000), None));
        assert_eq!((units(0, 0), units(0, 1), units(0, 1279)), (None, None, None));
        assert_eq!(units(usize::MAX, u64::MAX), None);
    }
}
