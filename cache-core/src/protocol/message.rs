//! The messages of the invalidation bus. [`grammar`](super::grammar) has their text.

use std::fmt;

use super::grammar::wire;

/// The maximum length of a writer's token. Tokens are stored, so a message must not determine their size.
const MAX_WRITER: usize = 64;

/// A message of the bus.
///
/// A scope is its name, in the bytes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// The scope was invalidated or locked.
    Invalidated { scope: &'a [u8] },
    /// A writer is registered on a read method until `expiry`, in milliseconds of the server's clock.
    Registered { expiry: u64, writer: &'a str, method: &'a [u8] },
    /// A writer has finished; the scopes that it changed were invalidated before.
    Finished { writer: &'a str, method: &'a [u8] },
    /// The member requests heartbeats.
    Requested { member: &'a str },
    /// The member has sent a heartbeat that others may wait for, or has left.
    Announced { member: &'a str },
    /// A heartbeat of this instance has returned.
    Heartbeat { nonce: u64 },
}

impl<'a> Message<'a> {
    /// Parses a message. Returns `None` for a foreign or damaged one.
    pub(crate) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (kind, rest) = split_at_space(payload)?;
        match std::str::from_utf8(kind).ok()? {
            wire!(invalidated) => Some(Self::Invalidated { scope: rest }),
            wire!(registered) => {
                let (expiry, rest) = split_at_space(rest)?;
                let (writer, method) = writer(rest)?;
                Some(Self::Registered { expiry: number(expiry)?, writer, method })
            }
            wire!(finished) => {
                let (writer, method) = writer(rest)?;
                Some(Self::Finished { writer, method })
            }
            wire!(requested) => Some(Self::Requested { member: std::str::from_utf8(rest).ok()? }),
            wire!(announced) => Some(Self::Announced { member: std::str::from_utf8(rest).ok()? }),
            // The epochs that follow the nonce are for human readers of the channel: the reply has them too.
            wire!(heartbeat) => Some(Self::Heartbeat { nonce: number(split_at_space(rest)?.0)? }),
            _ => None,
        }
    }
}

/// Writes the message as it is published.
impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        match self {
            Self::Invalidated { scope } => write!(f, "{} {}", wire!(invalidated), text(scope)),
            Self::Registered { expiry, writer, method } => {
                write!(f, "{} {expiry} {writer} {}", wire!(registered), text(method))
            }
            Self::Finished { writer, method } => write!(f, "{} {writer} {}", wire!(finished), text(method)),
            Self::Requested { member } => write!(f, "{} {member}", wire!(requested)),
            Self::Announced { member } => write!(f, "{} {member}", wire!(announced)),
            Self::Heartbeat { nonce } => write!(f, "{} {nonce} ", wire!(heartbeat)),
        }
    }
}

/// Parses `<token> <scope>`. The name of a scope may contain spaces.
fn writer(text: &[u8]) -> Option<(&str, &[u8])> {
    let (token, method) = split_at_space(text)?;
    let is_token = (1..=MAX_WRITER).contains(&token.len()) && token.iter().all(u8::is_ascii_alphanumeric);
    let token = std::str::from_utf8(token).ok().filter(|_| is_token && !method.is_empty())?;
    Some((token, method))
}

/// Parses digits only: `u64::from_str` would accept a sign.
fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

fn split_at_space(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b' ')?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: &[u8] = b"ns:e:*";

    #[test]
    fn a_message_round_trips() {
        let messages = [
            Message::Invalidated { scope: b"ns:e:a b" },
            Message::Registered { expiry: 17, writer: "0a", method: METHOD },
            Message::Registered { expiry: 17, writer: "0a", method: b"ns:e:a b" },
            Message::Finished { writer: "0a", method: METHOD },
            Message::Requested { member: "i1" },
            Message::Announced { member: "i1" },
            Message::Heartbeat { nonce: u64::MAX },
        ];
        for message in messages {
            assert_eq!(Message::parse(message.to_string().as_bytes()), Some(message));
        }
    }

    #[test]
    fn a_damaged_message_is_none() {
        let long = format!("P 17 {} ns:e:*", "a".repeat(MAX_WRITER + 1));
        let damaged = [
            "",
            "I",
            "P",
            "P 17",
            "P 17 0a",
            "P 17 0a ",
            "P 17  ns:e:*",
            "P -1 0a ns:e:*",
            "P +1 0a ns:e:*",
            "P x 0a ns:e:*",
            "P  0a ns:e:*",
            "P 17 0;a ns:e:*",
            "P 99999999999999999999999 0a ns:e:*",
            &long,
            "R 0a",
            "R  a",
            "B 17",
            "B +17 ",
            "B x ",
            "X 17 ",
            "II a",
        ];
        for damaged in damaged {
            assert_eq!(Message::parse(damaged.as_bytes()), None, "{damaged}");
        }
    }
}
