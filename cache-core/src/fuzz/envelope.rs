//! Fuzzes the bytes of an entry in Redis.

use cache_fuzz::{Grain, Input, Target};

use crate::protocol::envelope::{Expiry, Identity, Unusable, open, seal};
use crate::protocol::{Epoch, Fence, Generation, MAX_PREFIXES, Scope};

const TARGET: Target =
    Target { name: "envelope", grain: Grain::Bytes, dictionary: &["CS", "U1-a", "U2-b"], longest: 512, run };

/// A time before the expiry of some entries and after that of others.
const NOW: u64 = 999;

/// Reads the input as an entry that was written by the first release.
fn run(bytes: &[u8]) -> u64 {
    let generations = [Generation::from_bytes(b"U1-a").unwrap(), Generation::from_bytes(b"U2-b").unwrap()];
    let fence = Fence::new(Epoch(5), &[Scope::hashed(1), Scope::hashed(2)], generations);
    let identity = Identity { source: 33, method: 55, codec: 1, fingerprint: 77, key_hash: 99, full_key: None };
    let long = Identity { full_key: Some("k"), ..identity };
    let repaired = with_checksum(bytes);
    let ends = [identity, long].map(|identity| {
        let end = read(bytes, &identity, &fence);
        end * 16 + read(&repaired, &identity, &fence)
    });
    write(Input::new(bytes));
    ends[0] * 256 + ends[1]
}

/// Opens the bytes. An accepted entry must be exactly what a writer would have written.
fn read(bytes: &[u8], identity: &Identity<'_>, fence: &Fence) -> u64 {
    let opened = match open(bytes, identity, fence, MAX_PREFIXES, NOW) {
        Ok(opened) => opened,
        Err(unusable) => {
            return Unusable::ALL.iter().position(|reason| *reason == unusable).map_or(0, |at| at as u64 + 1);
        }
    };
    assert!(opened.expiry.hard > NOW, "an entry that is over");
    let payload = &bytes[opened.payload];
    let fence = &Fence { generations: [&fence.generations[..], &opened.tags].concat(), ..*fence };
    assert_eq!(sealed(identity, fence, opened.expiry, opened.absent, payload), bytes, "no writer writes this");
    0
}

/// Writes an entry from the input, and reads it again.
///
/// It reads it unchanged, with a flipped bit, truncated, and as another entry.
fn write(mut input: Input<'_>) {
    let keys = [input.text(), input.text()];
    let [own, other] = [0, 1].map(|at| Identity {
        source: u128::from(input.number()) << 64 | u128::from(input.number()),
        method: input.number(),
        codec: input.byte(),
        fingerprint: input.number(),
        key_hash: u128::from(input.number()) << 64 | u128::from(input.number()),
        full_key: input.flag().then_some(keys[at].as_str()),
    });
    let expiry = Expiry { soft: input.number(), hard: input.number() };
    let count = input.below(9);
    let scopes: Vec<_> = (0..count).map(|_| Scope::hashed(input.number())).collect();
    let generations: Vec<_> = (0..count).map(|_| token(&mut input)).collect();
    let fence = Fence::new(Epoch(input.number()), &scopes, generations);
    let (absent, at, bit) = (input.flag(), input.number(), input.below(8));
    let payload = input.rest();

    let bytes = sealed(&own, &fence, expiry, absent, payload);
    match open(&bytes, &own, &fence, MAX_PREFIXES, NOW) {
        Ok(opened) => assert_eq!((opened.expiry, opened.absent, &bytes[opened.payload]), (expiry, absent, payload)),
        Err(unusable) => assert!(unusable == Unusable::Expired && expiry.hard <= NOW, "{unusable:?}"),
    }
    if (own.codec, own.fingerprint, own.key_hash, own.full_key)
        != (other.codec, other.fingerprint, other.key_hash, other.full_key)
    {
        open(&bytes, &other, &fence, MAX_PREFIXES, 0).expect_err("another entry");
    }
    for stranger in [Identity { source: other.source, ..own }, Identity { method: other.method, ..own }] {
        if (own.source, own.method) != (stranger.source, stranger.method) {
            open(&bytes, &stranger, &fence, MAX_PREFIXES, 0).expect_err("an entry of another owner");
        }
    }
    let at = usize::try_from(at % bytes.len() as u64).unwrap();
    open(&bytes[..at], &own, &fence, MAX_PREFIXES, 0).expect_err("a part of an entry");
    let mut damaged = bytes;
    damaged[at] ^= 1 << bit;
    open(&damaged, &own, &fence, MAX_PREFIXES, 0).expect_err("a damaged entry");
}

fn token(input: &mut Input<'_>) -> Generation {
    let mut token = vec![b'U'];
    let length = input.below(64);
    token.extend_from_slice(input.bytes(length));
    Generation::from_bytes(&token).expect("at most 64 bytes that begin with U")
}

fn sealed(identity: &Identity<'_>, fence: &Fence, expiry: Expiry, absent: bool, payload: &[u8]) -> Vec<u8> {
    let written = seal(identity, fence, expiry, absent, |out| {
        out.extend_from_slice(payload);
        Ok::<_, ()>(())
    });
    written.expect("a payload that is bytes already")
}

fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    let body = &bytes[..bytes.len().saturating_sub(8)];
    [body, &xxhash_rust::xxh3::xxh3_64(body).to_le_bytes()].concat()
}

#[test]
fn envelope() {
    TARGET.fuzz(vec![include_bytes!("../testing/envelope_v2.bin").to_vec()]);
}
