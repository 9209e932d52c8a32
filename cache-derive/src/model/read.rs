//! A cached read method.

use std::time::Duration;

use syn::{ExprPath, Type};

/// What a read method caches, under which key, and how.
pub(crate) struct Read {
    /// The part of the key that names what is cached.
    pub(crate) entity: String,
    /// The parameters in the key, by their place in the method, in the order of the key.
    pub(crate) key: Vec<usize>,
    /// The lengths, shorter than the whole key, by which some write of the trait invalidates.
    pub(crate) prefixes: Vec<usize>,
    /// Whether the value is written as an `Option`.
    pub(crate) optional: bool,
    /// The type of the value, where the return type spells it out as `Result<V, ..>`.
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
    /// By how many percent a life is shortened at random.
    pub(crate) jitter: Option<u8>,
    /// The local tier.
    pub(crate) local: Option<LocalTier>,
    /// The most entries in the local tier.
    pub(crate) local_capacity: Option<usize>,
    /// The engine of the local tier.
    pub(crate) local_engine: Option<LocalEngine>,
    /// The version of the cached form.
    pub(crate) version: u32,
    /// What its readers are promised.
    pub(crate) mode: Option<Mode>,
    /// The encoding in the shared tier, and where it is written.
    pub(crate) codec: Option<(Codec, proc_macro2::Span)>,
    /// Which values are kept.
    pub(crate) cache_if: Option<ExprPath>,
    /// Who may see a cached value.
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

/// What is said of the local tier.
pub(crate) enum LocalTier {
    /// Not used.
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

/// What the readers of a method are promised, and so what a write of it waits for.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// Not for its release.
    Fast,
    /// For its release.
    Safe,
    /// For the end of the lease.
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
