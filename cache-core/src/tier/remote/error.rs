//! What went wrong with the shared tier, and what an operator can do about it.

use std::fmt;

const ARRIVING: &str = "large values were on their way: raise CacheBuilder::read_timeout, or check the network's throughput and the size of the values";

/// What went wrong with the shared tier. It reaches logs, health and statistics, and never a caller.
#[derive(Debug, Clone)]
pub(crate) struct RemoteError {
    kind: RemoteErrorKind,
    message: String,
    /// What to do about it, where more is known than the kind.
    advice: Option<&'static str>,
    is_of_one_command: bool,
    /// Whether large values were on their way meanwhile, so that the server is neither slow nor stopped.
    is_arriving: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RemoteErrorKind {
    /// The connection is gone or was never made.
    Disconnected,
    /// No answer in time; the command may have been applied all the same.
    Timeout,
    /// The server refused: no permission, read-only, out of memory, loading.
    Refused,
    /// An answer that is not of the expected form: another kind of server, perhaps.
    Protocol,
    /// The server cannot be spoken to in secret: its certificate is not accepted, or it has none.
    Encryption,
}

impl RemoteErrorKind {
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

impl RemoteError {
    pub(crate) fn new(kind: RemoteErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), advice: None, is_of_one_command: false, is_arriving: false }
    }

    /// The same error, of a command whose arguments the server does not accept. It says nothing about others.
    #[cfg(feature = "redis")]
    pub(crate) fn of_one_command(self) -> Self {
        Self { is_of_one_command: true, ..self }
    }

    /// Whether it says nothing about the server.
    pub(crate) fn is_of_one_command(&self) -> bool {
        self.is_of_one_command
    }

    /// The same error with what to do about it, unless that is known already.
    #[cfg(feature = "redis")]
    pub(crate) fn advising(self, advice: &'static str) -> Self {
        Self { advice: self.advice.or(Some(advice)), ..self }
    }

    pub(crate) fn disconnected(message: &str) -> Self {
        Self::new(RemoteErrorKind::Disconnected, message)
    }

    pub(crate) fn timeout(what: &str) -> Self {
        Self::new(RemoteErrorKind::Timeout, format!("{what} took too long"))
    }

    /// The same error, for a request that large replies delayed.
    pub(crate) fn while_arriving(self) -> Self {
        Self { is_arriving: true, advice: Some(ARRIVING), ..self }
    }

    /// Whether the error tells against the server: large values that are on their way do not.
    pub(crate) fn blames_the_server(&self) -> bool {
        !self.is_arriving
    }

    pub(crate) fn kind(&self) -> RemoteErrorKind {
        self.kind
    }

    pub(crate) fn is_disconnection(&self) -> bool {
        self.kind == RemoteErrorKind::Disconnected
    }

    /// What an operator can do. It names nothing of this service and holds no secret.
    pub(crate) fn advice(&self) -> &'static str {
        self.advice.unwrap_or_else(|| self.kind.advice())
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
