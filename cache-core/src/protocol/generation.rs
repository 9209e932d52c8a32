//! Generations, and the states of a scope, as the shared tier stores them.
//!
//! A generation is a unique token and not a counter. A counter that Redis evicts starts again, and an old entry would
//! be current once it reaches the same number; a token never returns.

use smallvec::SmallVec;

use super::grammar::wire;

/// A current, unlocked generation. It can only be compared for equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generation(Box<[u8]>);

/// The longest generation that an envelope can carry.
const MAX_GENERATION: usize = 64;

impl Generation {
    /// Parses a generation, unless the bytes cannot be one.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::is_one(bytes).then(|| Self(bytes.into()))
    }

    /// Like [`from_bytes`](Self::from_bytes), without a copy.
    #[cfg(any(feature = "redis", test))]
    fn from_vec(bytes: Vec<u8>) -> Option<Self> {
        Self::is_one(&bytes).then(|| Self(bytes.into()))
    }

    fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(wire!(free).as_bytes()) && bytes.len() <= MAX_GENERATION
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a writer created this generation with this token.
    pub(crate) fn is_of(&self, token: &str) -> bool {
        self.0.ends_with(token.as_bytes())
    }

    /// The creation time in milliseconds of the server's clock; 0 if the generation does not contain it.
    pub(crate) fn made_at(&self) -> u64 {
        let digits = self.0[1..].split(|b| *b == b'-').next().unwrap_or_default();
        let micros: u64 = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        micros / 1000
    }
}

/// The state of a scope in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScopeState {
    /// No value, or foreign bytes: the next reader requests a new generation.
    Missing,
    /// One or more writes are in progress.
    Locked,
    /// No write is in progress; entries with this generation are current.
    Free(Generation),
    /// The generation has pending writers and is current until `expiry`.
    ///
    /// `expiry` is in milliseconds of the server's clock. By then the earliest pending writer has finished or is
    /// presumed dead.
    Pending { generation: Generation, expiry: u64 },
}

/// The states of an entry's scopes. Most entries have two scopes.
pub(crate) type ScopeStates = SmallVec<[ScopeState; 2]>;

/// The maximum digits of an expiry: the scripts compare it as a floating-point number.
#[cfg(any(feature = "redis", test))]
const MAX_EXPIRY_DIGITS: usize = 15;

impl ScopeState {
    #[cfg(any(feature = "redis", test))]
    pub(crate) fn parse(value: Option<Vec<u8>>) -> Self {
        match value {
            Some(bytes) if bytes.starts_with(wire!(locked).as_bytes()) => Self::Locked,
            Some(bytes) => Self::of_generation(bytes).unwrap_or(Self::Missing),
            None => Self::Missing,
        }
    }

    /// Parses `U<unique>` or `U<unique>|<expiry>`. Generations are equal if their unique parts are.
    #[cfg(any(feature = "redis", test))]
    fn of_generation(bytes: Vec<u8>) -> Option<Self> {
        let Some(bar) = bytes.iter().position(|byte| [*byte] == *wire!(until).as_bytes()) else {
            return Generation::from_vec(bytes).map(Self::Free);
        };
        Some(Self::Pending { generation: Generation::from_bytes(&bytes[..bar])?, expiry: expiry(&bytes[bar + 1..])? })
    }
}

#[cfg(any(feature = "redis", test))]
fn expiry(digits: &[u8]) -> Option<u64> {
    let is_number = digits.len() <= MAX_EXPIRY_DIGITS && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> ScopeState {
        ScopeState::parse(Some(bytes.to_vec()))
    }

    #[test]
    fn states_of_a_scope() {
        assert_eq!(ScopeState::parse(None), ScopeState::Missing);
        assert_eq!(parse(b""), ScopeState::Missing);
        assert_eq!(parse(b"garbage"), ScopeState::Missing);
        assert_eq!(parse(&[b'U'; 65]), ScopeState::Missing);
        assert_eq!(parse(b"L17:a;18:b"), ScopeState::Locked);
        assert_eq!(parse(b"U17-a"), ScopeState::Free(Generation::from_bytes(b"U17-a").unwrap()));
    }

    #[test]
    fn a_generation_with_pending_writers_carries_the_earliest_expiry_only() {
        let generation = Generation::from_bytes(b"U17-a").unwrap();
        assert_eq!(parse(b"U17-a|1700"), ScopeState::Pending { generation, expiry: 1700 });
        for garbage in
            ["U17-a|", "U17-a|-1", "U17-a|+1", "U17-a|1|2", "U17-a|1 ", "U17-a|x", "U17-a|1234567890123456", "|1"]
        {
            assert_eq!(parse(garbage.as_bytes()), ScopeState::Missing, "{garbage}");
        }
        let long = [&[b'U'; 65][..], b"|1700"].concat();
        assert_eq!(parse(&long), ScopeState::Missing, "the suffix does not count for the limit, the rest does");
        let fits = [&[b'U'; 64][..], b"|1700"].concat();
        assert!(matches!(parse(&fits), ScopeState::Pending { .. }));
    }

    #[test]
    fn a_generation_reports_its_age() {
        assert_eq!(Generation::from_bytes(b"U1700000000123456-00ff").unwrap().made_at(), 1_700_000_000_123);
        assert_eq!(Generation::from_bytes(b"U").unwrap().made_at(), 0);
    }
}
