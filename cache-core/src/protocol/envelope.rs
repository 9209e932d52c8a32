//! The bytes of an entry in the shared tier.
//!
//! ```text
//! offset size  field
//!      0    2  magic "CS"
//!      2    1  format version, 2
//!      3    1  codec
//!      4    1  flags: 1 = the value is absent, 2 = the full key follows the generations
//!      5    1  number of generations
//!      6   16  identity of the source, zero if unknown
//!     22    8  hash of the trait and the method
//!     30    8  type fingerprint
//!     38   16  hash of the full key
//!     54    8  epoch that was current when the load began
//!     62    8  soft expiry, milliseconds of the server's clock
//!     70    8  hard expiry, likewise
//!     78   ..  generations: 8 bytes scope hash, 1 byte length, the generation; those of value tags come last
//!      .    .  with flag 2: 4 bytes length, the full key
//!      .    .  payload
//!   last    8  XXH3 of everything before it
//! ```
//! Numbers are little-endian. An entry that does not match the reader's expectation is a miss with a reason, never an
//! error and never a hit. The expiries use the clock of the Redis server: clocks of two instances are never compared.

use std::ops::Range;

use super::{Fence, Generation, ScopeHash};

const MAGIC: [u8; 2] = *b"CS";
const VERSION: u8 = 2;
const FLAG_ABSENT: u8 = 1;
const FLAG_FULL_KEY: u8 = 2;
const FLAGS: u8 = FLAG_ABSENT | FLAG_FULL_KEY;
const KEY_HASH_AT: usize = 38;
const EPOCH_AT: usize = 54;
const HEADER: usize = 78;
const CHECKSUM: usize = 8;

/// The properties of an entry that a writer stores and a reader expects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// The database or other source of the value; 0 if unknown.
    pub(crate) source: u128,
    /// The hash of the trait and the method that loaded it.
    pub(crate) method: u64,
    pub(crate) codec: u8,
    pub(crate) fingerprint: u64,
    pub(crate) key_hash: u128,
    /// The full key, if the key in Redis contains only its hash.
    pub(crate) full_key: Option<&'a str>,
}

/// The soft and the hard expiry of an entry, in milliseconds of the Redis server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expiry {
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

/// The reason why an entry is not usable. Each reason is counted by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Unusable {
    Truncated,
    TooLarge,
    Magic,
    Version,
    Checksum,
    /// Loaded from another source.
    Source,
    /// Loaded by another trait or method.
    Method,
    Codec,
    Fingerprint,
    Key,
    Epoch,
    Generation,
    Expired,
    Payload,
}

impl Unusable {
    pub(crate) const ALL: [Self; 14] = [
        Self::Truncated,
        Self::TooLarge,
        Self::Magic,
        Self::Version,
        Self::Checksum,
        Self::Source,
        Self::Method,
        Self::Codec,
        Self::Fingerprint,
        Self::Key,
        Self::Epoch,
        Self::Generation,
        Self::Expired,
        Self::Payload,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::TooLarge => "too_large",
            Self::Magic => "magic",
            Self::Version => "version",
            Self::Checksum => "checksum",
            Self::Source => "source",
            Self::Method => "method",
            Self::Codec => "codec",
            Self::Fingerprint => "fingerprint",
            Self::Key => "key",
            Self::Epoch => "epoch",
            Self::Generation => "generation",
            Self::Expired => "expired",
            Self::Payload => "payload",
        }
    }

    /// Whether the bytes are foreign or damaged. Entries that are merely outdated are normal.
    pub(crate) fn is_damage(self) -> bool {
        !matches!(self, Self::Epoch | Self::Generation | Self::Expired)
    }
}

/// A readable entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) expiry: Expiry,
    /// Whether the entry represents an absence.
    pub(crate) absent: bool,
    /// The range of the payload in the opened bytes.
    pub(crate) payload: Range<usize>,
    /// The generations beyond those of the fence: of the tags that the value determines.
    pub(crate) tags: Vec<(ScopeHash, Generation)>,
}

/// Writes an envelope around the payload that `payload` appends.
pub(crate) fn seal<E>(
    identity: &Identity<'_>,
    fence: &Fence,
    expiry: Expiry,
    absent: bool,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut out = Vec::with_capacity(1024);
    let flags = u8::from(absent) * FLAG_ABSENT + u8::from(identity.full_key.is_some()) * FLAG_FULL_KEY;
    out.extend_from_slice(&MAGIC);
    // An entry has at most ten scopes, and a generation has at most 64 bytes: both lengths fit into a byte.
    let count = u8::try_from(fence.generations.len()).unwrap_or(u8::MAX);
    out.extend_from_slice(&[VERSION, identity.codec, flags, count]);
    out.extend_from_slice(&identity.source.to_le_bytes());
    out.extend_from_slice(&identity.method.to_le_bytes());
    out.extend_from_slice(&identity.fingerprint.to_le_bytes());
    out.extend_from_slice(&identity.key_hash.to_le_bytes());
    out.extend_from_slice(&fence.epoch.0.to_le_bytes());
    out.extend_from_slice(&expiry.soft.to_le_bytes());
    out.extend_from_slice(&expiry.hard.to_le_bytes());
    write_generations(&mut out, fence);
    if let Some(key) = identity.full_key {
        out.extend_from_slice(&u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(key.as_bytes());
    }
    payload(&mut out)?;
    out.extend_from_slice(&checksum(&out).to_le_bytes());
    Ok(out)
}

fn write_generations(out: &mut Vec<u8>, fence: &Fence) {
    for (scope, generation) in &fence.generations {
        out.extend_from_slice(&scope.0.to_le_bytes());
        out.push(u8::try_from(generation.as_bytes().len()).unwrap_or(u8::MAX));
        out.extend_from_slice(generation.as_bytes());
    }
}

/// Opens an envelope, or returns why it does not match. `now` is the server's time in milliseconds.
///
/// It may have the generations of up to `tags` scopes that are not in the fence.
pub(crate) fn open(
    bytes: &[u8],
    identity: &Identity<'_>,
    fence: &Fence,
    tags: usize,
    now: u64,
) -> Result<Opened, Unusable> {
    let mut reader = Reader::new(bytes)?;
    reader.expect(&MAGIC, Unusable::Magic)?;
    reader.expect(&[VERSION], Unusable::Version)?;
    reader.verify_checksum()?;
    let [codec, flags, count] = reader.array()?;
    if flags & !FLAGS != 0 {
        return Err(Unusable::Version);
    }
    // Checked first: a foreign entry also has another type and codec, and those errors need another remedy.
    reader.expect(&identity.source.to_le_bytes(), Unusable::Source)?;
    reader.expect(&identity.method.to_le_bytes(), Unusable::Method)?;
    if codec != identity.codec {
        return Err(Unusable::Codec);
    }
    reader.expect(&identity.fingerprint.to_le_bytes(), Unusable::Fingerprint)?;
    reader.expect(&identity.key_hash.to_le_bytes(), Unusable::Key)?;
    reader.expect(&fence.epoch.0.to_le_bytes(), Unusable::Epoch)?;
    let expiry = Expiry { soft: reader.u64()?, hard: reader.u64()? };
    let more = usize::from(count).checked_sub(fence.generations.len()).filter(|more| *more <= tags);
    let more = more.ok_or(Unusable::Generation)?;
    expect_generations(&mut reader, fence)?;
    // Most entries have none.
    let mut tags = Vec::new();
    for _ in 0..more {
        tags.push(read_generation(&mut reader)?);
    }
    read_full_key(&mut reader, flags, identity.full_key)?;
    if now >= expiry.hard {
        return Err(Unusable::Expired);
    }
    Ok(Opened { expiry, absent: flags & FLAG_ABSENT != 0, payload: reader.at..reader.end, tags })
}

/// Replaces the fence of an entry, as a writer without a fence would have stored it.
pub(crate) fn refence(bytes: &[u8], fence: &Fence) -> Vec<u8> {
    let mut at = HEADER;
    for _ in 0..bytes[5] {
        at += 9 + usize::from(bytes[at + 8]);
    }
    let mut out = bytes[..HEADER].to_vec();
    write_generations(&mut out, fence);
    out.extend_from_slice(&bytes[at..bytes.len() - CHECKSUM]);
    out[5] = u8::try_from(fence.generations.len()).unwrap_or(u8::MAX);
    out[EPOCH_AT..EPOCH_AT + 8].copy_from_slice(&fence.epoch.0.to_le_bytes());
    let sum = checksum(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// Rewrites an entry as that of another key, as a reader that ignores the key would see it.
pub(crate) fn readdress(bytes: &[u8], identity: &Identity<'_>, fence: &Fence) -> Vec<u8> {
    let mut out = refence(bytes, fence);
    out.truncate(out.len() - CHECKSUM);
    out[KEY_HASH_AT..KEY_HASH_AT + 16].copy_from_slice(&identity.key_hash.to_le_bytes());
    let sum = checksum(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

fn expect_generations(reader: &mut Reader<'_>, fence: &Fence) -> Result<(), Unusable> {
    for (scope, generation) in &fence.generations {
        reader.expect(&scope.0.to_le_bytes(), Unusable::Generation)?;
        let [length] = reader.array()?;
        if reader.take(usize::from(length))? != generation.as_bytes() {
            return Err(Unusable::Generation);
        }
    }
    Ok(())
}

fn read_generation(reader: &mut Reader<'_>) -> Result<(ScopeHash, Generation), Unusable> {
    let scope = ScopeHash(reader.u64()?);
    let [length] = reader.array()?;
    let generation = Generation::from_bytes(reader.take(usize::from(length))?).ok_or(Unusable::Generation)?;
    Ok((scope, generation))
}

fn read_full_key(reader: &mut Reader<'_>, flags: u8, expected: Option<&str>) -> Result<(), Unusable> {
    let found = if flags & FLAG_FULL_KEY == 0 {
        None
    } else {
        let length = u32::from_le_bytes(reader.array()?);
        Some(reader.take(length as usize)?)
    };
    if found == expected.map(str::as_bytes) { Ok(()) } else { Err(Unusable::Key) }
}

fn checksum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The position of the checksum.
    end: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Unusable> {
        if bytes.len() < HEADER + CHECKSUM {
            return Err(Unusable::Truncated);
        }
        Ok(Self { bytes, at: 0, end: bytes.len() - CHECKSUM })
    }

    fn verify_checksum(&self) -> Result<(), Unusable> {
        let (body, stored) = self.bytes.split_at(self.end);
        if checksum(body).to_le_bytes() == stored { Ok(()) } else { Err(Unusable::Checksum) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Unusable> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.end).ok_or(Unusable::Truncated)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unusable> {
        self.take(N)?.try_into().map_err(|_| Unusable::Truncated)
    }

    fn u64(&mut self) -> Result<u64, Unusable> {
        self.array().map(u64::from_le_bytes)
    }

    fn expect(&mut self, expected: &[u8], otherwise: Unusable) -> Result<(), Unusable> {
        if self.take(expected.len())? == expected { Ok(()) } else { Err(otherwise) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{Epoch, Generation, Scope};

    fn scopes() -> [Scope; 2] {
        [Scope::hashed(1), Scope::hashed(2)]
    }

    fn generations() -> [Generation; 2] {
        [Generation::from_bytes(b"U1-a").unwrap(), Generation::from_bytes(b"U2-b").unwrap()]
    }

    fn fence() -> Fence {
        Fence::new(Epoch(5), &scopes(), generations())
    }

    fn identity(full_key: Option<&str>) -> Identity<'_> {
        Identity { source: 33, method: 55, codec: 1, fingerprint: 77, key_hash: 99, full_key }
    }

    fn sealed(full_key: Option<&str>) -> Vec<u8> {
        let expiry = Expiry { soft: 900, hard: 1000 };
        seal(&identity(full_key), &fence(), expiry, false, |out| {
            out.extend_from_slice(b"payload");
            Ok::<_, ()>(())
        })
        .unwrap()
    }

    fn reopened(bytes: &[u8], full_key: Option<&str>) -> Result<Opened, Unusable> {
        open(bytes, &identity(full_key), &fence(), 0, 999)
    }

    #[test]
    fn a_sealed_envelope_opens() {
        for key in [None, Some("a long key")] {
            let bytes = sealed(key);
            let opened = reopened(&bytes, key).unwrap();
            assert_eq!(&bytes[opened.payload], b"payload");
            assert_eq!(opened.expiry, Expiry { soft: 900, hard: 1000 });
        }
    }

    #[test]
    fn generations_of_tags_follow_those_of_the_fence() {
        let tag = (ScopeHash(3), Generation::from_bytes(b"U3-c").unwrap());
        let mut tagged = fence();
        tagged.generations.push(tag.clone());
        let expiry = Expiry { soft: 900, hard: 1000 };
        let bytes = seal(&identity(Some("k")), &tagged, expiry, false, |_| Ok::<_, ()>(())).unwrap();
        let open = |tags| open(&bytes, &identity(Some("k")), &fence(), tags, 999);
        assert_eq!(open(1).unwrap().tags, [tag]);
        assert_eq!(open(0).unwrap_err(), Unusable::Generation);
        assert_eq!(super::open(&bytes, &identity(Some("k")), &tagged, 0, 999).unwrap().tags, []);
    }

    #[test]
    fn a_flag_of_a_later_version_is_a_miss() {
        let mut bytes = sealed(None);
        bytes[4] |= 4;
        bytes.truncate(bytes.len() - CHECKSUM);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        assert_eq!(reopened(&bytes, None).unwrap_err(), Unusable::Version);
    }

    #[test]
    fn every_flipped_bit_and_every_missing_tail_is_a_miss() {
        let bytes = sealed(Some("k"));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(reopened(&damaged, Some("k")).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(reopened(&bytes[..length], Some("k")).is_err(), "length {length}");
        }
    }

    #[test]
    fn each_mismatch_has_its_own_name() {
        let bytes = sealed(None);
        let [first, _] = generations();
        let other = Generation::from_bytes(b"U2-c").unwrap();
        let id = identity(None);
        let cases = [
            (Identity { source: 0, ..id }, fence(), 0, Unusable::Source),
            (Identity { source: 33 << 64, ..id }, fence(), 0, Unusable::Source),
            (Identity { method: 54, codec: 2, fingerprint: 78, ..id }, fence(), 0, Unusable::Method),
            (Identity { codec: 2, ..id }, fence(), 0, Unusable::Codec),
            (Identity { fingerprint: 78, ..id }, fence(), 0, Unusable::Fingerprint),
            (Identity { key_hash: 98, ..id }, fence(), 0, Unusable::Key),
            (Identity { full_key: Some("k"), ..id }, fence(), 0, Unusable::Key),
            (id, Fence { epoch: Epoch(6), ..fence() }, 0, Unusable::Epoch),
            (id, Fence::new(Epoch(5), &scopes(), [first.clone(), other]), 0, Unusable::Generation),
            (id, Fence::new(Epoch(5), &scopes(), [first]), 0, Unusable::Generation),
            (id, fence(), 1000, Unusable::Expired),
        ];
        for (identity, fence, now, expected) in cases {
            assert_eq!(open(&bytes, &identity, &fence, 0, now).unwrap_err(), expected);
        }
        assert_eq!(open(b"", &id, &fence(), 0, 0).unwrap_err(), Unusable::Truncated);
        assert_eq!(open(&[0; 100], &id, &fence(), 0, 0).unwrap_err(), Unusable::Magic);
    }

    /// The bytes of format version 2, as the first release wrote them, stay readable.
    #[test]
    fn version_2_still_opens() {
        let bytes = include_bytes!("../testing/envelope_v2.bin");
        let opened = reopened(bytes, None).unwrap();
        assert_eq!(&bytes[opened.payload], b"payload");
        assert_eq!(sealed(None), bytes, "the writer has moved on: give it a new version number");
    }

    /// An entry of version 1 does not carry its source and method.
    #[test]
    fn version_1_is_a_miss() {
        assert_eq!(reopened(include_bytes!("../testing/envelope_v1.bin"), None).unwrap_err(), Unusable::Version);
    }

    #[test]
    fn an_absent_source_is_zero_and_matches_no_other() {
        let bytes = sealed(None);
        assert_eq!(bytes[6..22], 33_u128.to_le_bytes());
        assert_eq!(bytes[22..30], 55_u64.to_le_bytes());
        let fence = fence();
        let unknown = Identity { source: 0, ..identity(None) };
        let by_unknown = seal(&unknown, &fence, Expiry { soft: 900, hard: 1000 }, false, |_| Ok::<_, ()>(())).unwrap();
        assert!(open(&by_unknown, &unknown, &fence, 0, 0).is_ok());
        assert_eq!(open(&by_unknown, &identity(None), &fence, 0, 0).unwrap_err(), Unusable::Source);
    }

    /// Offsets of the fields that contain a length or a count.
    const COUNTS: [usize; 3] = [4, 5, HEADER + 8];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// S6: opening arbitrary bytes with a valid checksum returns a result, and a payload is within the bytes.
        #[test]
        fn opening_terminates_on_arbitrary_bytes(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            begins_well in 0_usize..104,
            lengths in any::<[Option<u8>; 3]>(),
            long_key in any::<bool>(),
        ) {
            let (model, key) = (sealed(Some("k")), long_key.then_some("k"));
            let copied = begins_well.min(bytes.len()).min(model.len());
            bytes[..copied].copy_from_slice(&model[..copied]);
            for (at, length) in COUNTS.into_iter().zip(lengths) {
                if let (Some(byte), Some(length)) = (bytes.get_mut(at), length) {
                    *byte = length;
                }
            }
            let sum = checksum(&bytes);
            bytes.extend_from_slice(&sum.to_le_bytes());
            if let Ok(opened) = reopened(&bytes, key) {
                prop_assert!(opened.payload.end <= bytes.len() - CHECKSUM);
            }
        }

        /// S7: an entry of another source or method is a miss, even if everything else matches.
        #[test]
        fn an_entry_of_another_owner_is_a_miss_for_that_reason(
            (source, method) in any::<(u128, u64)>(),
            (other_source, other_method) in any::<(u128, u64)>(),
            same in any::<[bool; 2]>(),
            now in any::<u64>(),
        ) {
            let own = Identity { source, method, ..identity(None) };
            let other = Identity {
                source: if same[0] { source } else { other_source },
                method: if same[1] { method } else { other_method },
                ..own
            };
            let fence = fence();
            let expiry = Expiry { soft: u64::MAX, hard: u64::MAX };
            let bytes = seal(&own, &fence, expiry, false, |_| Ok::<_, ()>(())).unwrap();
            let expected = if other.source != source {
                Err(Unusable::Source)
            } else if other.method != method {
                Err(Unusable::Method)
            } else {
                Ok(())
            };
            prop_assert_eq!(open(&bytes, &other, &fence, 0, now.min(u64::MAX - 1)).map(|_| ()), expected);
        }
    }
}
