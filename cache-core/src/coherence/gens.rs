//! Generation tokens as they come from Redis.

/// A current, unlocked generation token. It is compared for equality and means nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gen(Box<[u8]>);

/// The longest token that an envelope can carry.
const MAX_TOKEN: usize = 64;

impl Gen {
    /// A token, unless the bytes cannot be one.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.first() == Some(&b'U') && bytes.len() <= MAX_TOKEN).then(|| Self(bytes.into()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the token that a writer made with this text.
    pub(crate) fn is_of(&self, token: &str) -> bool {
        self.0.ends_with(token.as_bytes())
    }

    /// When the server made the token, in milliseconds of its clock; 0 for a token that does not say.
    pub(crate) fn made_at(&self) -> u64 {
        let digits = self.0[1..].split(|b| *b == b'-').next().unwrap_or_default();
        let micros: u64 = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        micros / 1000
    }
}

/// What Redis holds for a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GenState {
    /// Nothing, or bytes that are not ours: the next reader asks for a new token.
    Missing,
    /// One or more writers are at work.
    Locked,
    /// Nobody writes; entries with this token are current.
    Free(Gen),
}

impl GenState {
    #[cfg(any(feature = "redis", test))]
    pub(crate) fn parse(value: Option<&[u8]>) -> Self {
        match value {
            Some([b'L', ..]) => Self::Locked,
            Some(bytes) => Gen::from_bytes(bytes).map_or(Self::Missing, Self::Free),
            None => Self::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_a_scope() {
        assert_eq!(GenState::parse(None), GenState::Missing);
        assert_eq!(GenState::parse(Some(b"")), GenState::Missing);
        assert_eq!(GenState::parse(Some(b"garbage")), GenState::Missing);
        assert_eq!(GenState::parse(Some(&[b'U'; 65])), GenState::Missing);
        assert_eq!(GenState::parse(Some(b"L17:a;18:b")), GenState::Locked);
        assert_eq!(GenState::parse(Some(b"U17-a")), GenState::Free(Gen::from_bytes(b"U17-a").unwrap()));
    }

    #[test]
    fn a_token_tells_its_age() {
        assert_eq!(Gen::from_bytes(b"U1700000000123456-00ff").unwrap().made_at(), 1_700_000_000_123);
        assert_eq!(Gen::from_bytes(b"U").unwrap().made_at(), 0);
    }
}
