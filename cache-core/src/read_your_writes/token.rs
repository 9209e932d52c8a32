//! The session token: the writes of a session, in a form that a client can carry.
//!
//! Its text is short, versioned and bounded. A client returns it, so everything in it is checked and nothing is
//! trusted: the worst effect of a forged token is that entries are read again.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;
use crate::protocol::ScopeHash;

/// The most scopes in a token. A token of more writes covers everything.
const MAX_SCOPES: usize = 64;

/// The version of the text form, and the text of a token that covers everything.
const VERSION: &str = "1";
const EVERYTHING: &str = "all";

/// The writes of a session, so that it can read them on another instance too.
///
/// After a write has returned, every read that the shared tier or the store answers reflects it, on every instance. A
/// local hit on *another* instance may be older for up to the lease. If one user's requests go to different instances,
/// a change may therefore disappear for a moment. A token closes this gap. Collect it where the write is made
/// ([`Cache::track`](crate::Cache::track)), send it to the client, in a header or a cookie, and observe it
/// ([`Cache::observe`](crate::Cache::observe)) where the next request arrives.
///
/// As text ([`Display`](fmt::Display), [`FromStr`], `serde`) it is ASCII of at most 1,200 bytes and fits into a header.
/// It contains hashes of the names of written scopes, and neither keys nor values. It is not a secret and not trusted:
/// a forged token costs the instance that observes it misses, and never causes a wrong result. An old one is ignored,
/// by the clock of the shared tier's server.
///
/// A token of more than 64 scopes covers every entry: the instance that observes it flushes its local tier once.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use cache_core::{Cache, SessionToken};
///
/// # let (here, there) = (Cache::pass_through(), Cache::pass_through());
/// let (answer, token) = here.track(async { "the writes of one request" }).await;
/// let header: String = token.to_string();
///
/// // The next request, on another instance:
/// let token: SessionToken = header.parse()?;
/// assert!(there.observe(&token));
/// # let _ = answer;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionToken {
    /// The server's time in milliseconds at the last write; 0 if unknown.
    pub(super) at: u64,
    /// Whether the shared tier has not executed one of the writes.
    pub(super) undelivered: bool,
    pub(super) scopes: Written,
}

/// The scopes of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// The hashes of the names of the written scopes.
    Scopes(BTreeSet<u64>),
    /// More scopes than a token lists.
    Everything,
}

impl Default for Written {
    fn default() -> Self {
        Self::Scopes(BTreeSet::new())
    }
}

impl SessionToken {
    /// Whether the token contains no writes. Such a token need not be sent.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(cache_core::SessionToken::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        matches!(&self.scopes, Written::Scopes(scopes) if scopes.is_empty())
    }

    /// Adds the writes of another token.
    ///
    /// A session may keep one token over several requests. The result counts as old when the later of the two does. A
    /// client that keeps only the last token instead may miss its earlier writes for up to the lease.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::SessionToken;
    ///
    /// let mut session = SessionToken::default();
    /// let of_this_request: SessionToken = "1.0.1.2a".parse()?;
    /// session.merge(&of_this_request);
    /// assert_eq!(session, of_this_request);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.at = match (self.is_empty(), self.at, other.at) {
            (true, _, at) => at,
            // An unknown time may be any time.
            (false, 0, _) | (false, _, 0) => 0,
            (false, one, another) => one.max(another),
        };
        self.undelivered |= other.undelivered;
        match &other.scopes {
            Written::Scopes(scopes) => self.add(scopes.iter().copied()),
            Written::Everything => self.scopes = Written::Everything,
        }
    }

    /// Creates a token of these scopes.
    pub(super) fn of(scopes: impl Iterator<Item = ScopeHash>, at: u64, undelivered: bool) -> Self {
        let mut token = Self { at, undelivered, ..Self::default() };
        token.add(scopes.map(|scope| scope.0));
        token
    }

    fn add(&mut self, more: impl Iterator<Item = u64>) {
        let Written::Scopes(scopes) = &mut self.scopes else { return };
        scopes.extend(more);
        if scopes.len() > MAX_SCOPES {
            self.scopes = Written::Everything;
        }
    }
}

/// Writes `version.time.delivered.scopes`: the numbers in hexadecimal, the scopes joined by `-`.
impl fmt::Display for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}.{:x}.{}.", self.at, u8::from(!self.undelivered))?;
        match &self.scopes {
            Written::Everything => f.write_str(EVERYTHING),
            Written::Scopes(scopes) => {
                for (place, scope) in scopes.iter().enumerate() {
                    if place > 0 {
                        f.write_char('-')?;
                    }
                    write!(f, "{scope:x}")?;
                }
                Ok(())
            }
        }
    }
}

/// Parses the text of a token of this version.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) for any other text. The message does not contain the text. A server should then
/// serve the request without a token, since clients may send anything.
impl FromStr for SessionToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| Error::config("this is no session token of a version that is known here"))
    }
}

/// Parses `version.time.delivered.scopes`; `None` for any other text.
fn parse(text: &str) -> Option<SessionToken> {
    let mut parts = text.splitn(4, '.');
    if parts.next()? != VERSION {
        return None;
    }
    let at = hexadecimal(parts.next()?)?;
    let undelivered = match parts.next()? {
        "1" => false,
        "0" => true,
        _ => return None,
    };
    let scopes = match parts.next()? {
        "" => Written::default(),
        EVERYTHING => Written::Everything,
        list => {
            // One scope more than allowed is enough to detect that there are too many.
            let scopes = list.split('-').take(MAX_SCOPES + 1).map(hexadecimal).collect::<Option<BTreeSet<_>>>()?;
            (scopes.len() <= MAX_SCOPES).then_some(Written::Scopes(scopes))?
        }
    };
    Some(SessionToken { at, undelivered, scopes })
}

/// Parses hexadecimal digits only: `from_str_radix` would accept a sign.
fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| digits)
}

impl Serialize for SessionToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(scopes: impl IntoIterator<Item = u64>, at: u64) -> SessionToken {
        SessionToken::of(scopes.into_iter().map(ScopeHash), at, false)
    }

    #[test]
    fn a_token_round_trips() {
        let mut undelivered = token([7], 0);
        undelivered.undelivered = true;
        let everything = token(0..=MAX_SCOPES as u64, 3);
        assert_eq!(everything.scopes, Written::Everything);
        for token in [SessionToken::default(), token([1, u64::MAX], 1_700_000_000_000), undelivered, everything] {
            assert_eq!(token.to_string().parse::<SessionToken>().unwrap(), token, "{token}");
        }
        let widest = token((0..MAX_SCOPES as u64).map(|scope| u64::MAX - scope), u64::MAX).to_string();
        assert!(widest.len() <= 1200 && widest.bytes().all(|byte| byte.is_ascii_graphic()), "{widest}");
    }

    #[test]
    fn anything_else_is_refused() {
        let too_many = format!("1.0.1.{}", (0..=MAX_SCOPES).map(|n| format!("{n:x}")).collect::<Vec<_>>().join("-"));
        for text in [
            "",
            "1",
            "1.0.1",
            "2.0.1.",
            "1.-1.1.",
            "1.+1.1.",
            "1.g.1.",
            "1.0.2.",
            "1.0.1.x",
            "1.0.1.1-",
            "1.0.1.1.1",
            "1.0.1.+1",
            "1.0.1.11111111111111111",
            &too_many,
        ] {
            assert!(text.parse::<SessionToken>().is_err(), "{text}");
        }
    }

    #[test]
    fn merging_keeps_the_union_of_scopes_and_the_stricter_time() {
        let mut one = token([1], 10);
        one.merge(&token([2], 20));
        assert_eq!(one, token([1, 2], 20));
        one.merge(&SessionToken::default());
        assert_eq!(one, token([1, 2], 20), "nothing was written there");
        one.merge(&token([3], 0));
        assert_eq!(one.at, 0, "one of the writes may be of any time");
        let mut none = SessionToken::default();
        none.merge(&token([1], 10));
        assert_eq!(none, token([1], 10));
    }
}
