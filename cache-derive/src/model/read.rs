//! A cached read method.

use std::time::Duration;

use syn::{ExprPath, Type};

/// The entity, the key and the options of a read method.
pub(crate) struct Read {
    /// The part of the key after the namespace.
    pub(crate) entity: String,
    /// The indices of the parameters in the key, in the order of the key.
    pub(crate) key: Vec<usize>,
    /// The lengths, shorter than the whole key, by which some write of the trait invalidates.
    pub(crate) prefixes: Vec<usize>,
    /// Whether the value is written as an `Option`.
    pub(crate) optional: bool,
    /// The type of the value, if the return type spells it out as `Result<V, ..>`.
    pub(crate) value: Option<Type>,
    /// The other options.
    pub(crate) options: Options,
}

/// The options of a read method.
pub(crate) struct Options {
    /// How long a value lives.
    pub(crate) ttl: Span,
    /// How long an absence lives.
    pub(crate) negative_ttl: Option<Span>,
    /// The most percent by which a life is shortened at random.
    pub(crate) jitter: Option<u8>,
    /// The local tier.
    pub(crate) local: Option<LocalTier>,
    /// The most entries in the local tier.
    pub(crate) local_capacity: Option<usize>,
    /// The engine of the local tier.
    pub(crate) local_engine: Option<LocalEngine>,
    /// The version of the cached form.
    pub(crate) version: u32,
    /// The guarantee for its readers.
    pub(crate) mode: Option<Mode>,
    /// The encoding in the shared tier, and the location of the option.
    pub(crate) codec: Option<(Codec, proc_macro2::Span)>,
    /// Decides which values are cached.
    pub(crate) cache_if: Option<ExprPath>,
    /// Decides which calls may see a cached value.
    pub(crate) visible_if: Option<ExprPath>,
    /// Whether the load runs in a caller's task.
    pub(crate) inline: bool,
}

/// A length of time.
pub(crate) enum Span {
    /// Written as text.
    Literal(Duration),
    /// A constant, and the option that names it.
    Const(ExprPath, &'static str),
}

/// The option `local`.
pub(crate) enum LocalTier {
    /// No local tier.
    Off,
    /// Entries stay at most this long.
    AtMost(Span),
}

/// The engine of the local tier.
#[derive(Clone, Copy)]
pub(crate) enum LocalEngine {
    /// `quick_cache`
    Quick,
    /// `moka`
    Moka,
}

/// The guarantee for the readers of a method, which determines what a write waits for.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// A write does not wait for its release.
    Fast,
    /// A write waits for its release.
    Safe,
    /// A write waits for the end of the lease.
    Strict,
}

/// The encoding in the shared tier.
#[derive(Clone, Copy)]
pub(crate) enum Codec {
    /// `serde_json`
    Json,
    /// `rmp-serde`
    MessagePack,
    /// `postcard`
    Postcard,
}
