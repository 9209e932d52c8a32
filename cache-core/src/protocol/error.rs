//! Errors of the shared tier, with advice for operators.
//!
//! No caller receives one. Their kinds are labels of metrics, and their texts are for the log and for health.

use std::fmt;

const ARRIVING: &str = "large values were on their way: raise CacheBuilder::read_timeout, or check the network's throughput and the size of the values";

/// An error of the shared tier. It appears in logs, health and statistics, and is never returned to a caller.
#[derive(Debug, Clone)]
pub(crate) struct TierError {
    kind: TierErrorKind,
    message: String,
    /// Specific advice, if the cause is known better than the kind.
    advice: Option<&'static str>,
    is_of_one_command: bool,
    /// Whether large values were in transit, so that the server is neither slow nor stopped.
    is_arriving: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TierErrorKind {
    /// The connection is lost or was never established.
    Disconnected,
    /// No reply in time; the command may have been applied nevertheless.
    Timeout,
    /// The server refused: no permission, read-only, out of memory, loading.
    Refused,
    /// A reply of an unexpected form, perhaps from another kind of server.
    Protocol,
    /// The TLS handshake failed: the server's certificate is not accepted, or it has none.
    Encryption,
}

impl TierErrorKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Disconnected, Self::Timeout, Self::Refused, Self::Protocol, Self::Encryption];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
            Self::Encryption => "encryption",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Disconnected => "check that the server runs and that its address is right",
            Self::Timeout => "check whether the server is overloaded or stopped, and the network to it",
            Self::Refused => "check the user's permissions, the server's memory and that it is a primary",
            Self::Protocol => "check that the address is that of a Redis server, version 6 or later",
            Self::Encryption => {
                "check the server's certificate; a private authority is named by CacheBuilder::redis_root_certificate"
            }
        }
    }
}

impl TierError {
    pub(crate) fn new(kind: TierErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), advice: None, is_of_one_command: false, is_arriving: false }
    }

    /// Marks the error as concerning one command, whose arguments the server does not accept.
    #[cfg(feature = "redis")]
    pub(crate) fn of_one_command(self) -> Self {
        Self { is_of_one_command: true, ..self }
    }

    /// Whether the error concerns one command only, and not the server.
    pub(crate) fn is_of_one_command(&self) -> bool {
        self.is_of_one_command
    }

    /// Adds advice, unless the error already has some.
    #[cfg(feature = "redis")]
    pub(crate) fn advising(self, advice: &'static str) -> Self {
        Self { advice: self.advice.or(Some(advice)), ..self }
    }

    pub(crate) fn disconnected(message: &str) -> Self {
        Self::new(TierErrorKind::Disconnected, message)
    }

    pub(crate) fn timeout(what: &str) -> Self {
        Self::new(TierErrorKind::Timeout, format!("{what} took too long"))
    }

    /// Marks the error as a timeout that large replies caused.
    pub(crate) fn while_arriving(self) -> Self {
        Self { is_arriving: true, advice: Some(ARRIVING), ..self }
    }

    /// Whether the error indicates a problem of the server, and not large values in transit.
    pub(crate) fn blames_the_server(&self) -> bool {
        !self.is_arriving
    }

    pub(crate) fn kind(&self) -> TierErrorKind {
        self.kind
    }

    pub(crate) fn is_disconnection(&self) -> bool {
        self.kind == TierErrorKind::Disconnected
    }

    /// The advice for an operator. It contains no names of this service and no secrets.
    pub(crate) fn advice(&self) -> &'static str {
        self.advice.unwrap_or_else(|| self.kind.advice())
    }
}

impl fmt::Display for TierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
