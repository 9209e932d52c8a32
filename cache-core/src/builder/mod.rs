//! Builds a cache, in code or from the environment.

#[cfg(feature = "redis")]
mod endpoint;
mod env;

use std::num::NonZeroU32;
use std::time::Duration;

use crate::cache::Cache;
#[cfg(feature = "redis")]
use crate::config::Secret;
use crate::config::{Settings, key_prefix, limits, shown};
use crate::error::Error;
use crate::runtime::Clock;
use crate::tier::shared::Remote;
#[cfg(feature = "redis")]
use crate::tier::shared::redis::{Address, RedisRemote};

/// Builds a [`Cache`]. Created by [`Cache::builder`].
///
/// Without [`redis`](Self::redis) and [`remote`](Self::remote) the cache is a pass-through. A value outside the range
/// of a setting is replaced by the nearest one within it.
#[derive(Debug, Clone)]
#[must_use]
pub struct CacheBuilder {
    source: Source,
    #[cfg(feature = "redis")]
    password: Option<Secret>,
    #[cfg(feature = "redis")]
    root_certificates: Vec<Secret>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
}

#[derive(Debug, Clone)]
enum Source {
    Nothing,
    Remote(Remote),
    #[cfg(feature = "redis")]
    Redis(Secret),
}

impl CacheBuilder {
    pub(crate) fn new() -> Self {
        Self {
            source: Source::Nothing,
            #[cfg(feature = "redis")]
            password: None,
            #[cfg(feature = "redis")]
            root_certificates: Vec::new(),
            settings: Settings::default(),
            clock: Clock::default(),
        }
    }

    /// Creates a builder with an address that was checked already, and its password.
    #[cfg(feature = "redis")]
    fn at(url: Secret, password: Option<Secret>) -> Self {
        Self { source: Source::Redis(url), password, ..Self::new() }
    }

    /// Shares entries through this Redis server.
    ///
    /// The address is `redis://[user[:password]@]host[:port][/database]`, the same with `rediss://` for an encrypted
    /// connection, or `redis+unix:///path[?db=number&user=name&pass=password]`.
    ///
    /// The certificate of a server over TLS is always verified, against the public authorities or against those of
    /// [`redis_root_certificate`](Self::redis_root_certificate).
    ///
    /// This does not connect, and an unreachable server is not an error: the cache connects in the background, and
    /// reads go to the store until it has.
    #[cfg(feature = "redis")]
    pub fn redis(mut self, url: impl Into<String>) -> Self {
        self.source = Source::Redis(Secret(url.into()));
        self
    }

    /// Sets the password of the Redis server, which replaces the one in the address.
    ///
    /// Without an address it has no effect.
    #[cfg(feature = "redis")]
    pub fn redis_password(mut self, secret: impl Into<String>) -> Self {
        self.password = Some(Secret(secret.into()));
        self
    }

    /// Trusts this certificate authority for a Redis server over TLS, instead of the public ones.
    ///
    /// `pem` has one or more certificates in PEM form. Further calls add authorities. With an address other than
    /// `rediss://`, [`build`](Self::build) returns an error.
    #[cfg(feature = "tls")]
    pub fn redis_root_certificate(mut self, pem: impl Into<String>) -> Self {
        self.root_certificates.push(Secret(pem.into()));
        self
    }

    /// Shares entries through this shared tier, such as a [`MemoryRemote`](crate::MemoryRemote).
    pub fn remote(mut self, remote: impl Into<Remote>) -> Self {
        self.source = Source::Remote(remote.into());
        self
    }

    /// Adds a prefix to every key, generation and channel. None by default.
    ///
    /// The prefix has parts of letters, digits, `_`, `-` and `.`, separated by `:`, and at most 128 bytes.
    ///
    /// Give each environment, or other set of databases, that uses the same Redis server its own prefix. Caches with
    /// different prefixes share no entry, message, epoch or heartbeat. All instances of one service must have the same
    /// prefix: an instance with another one does not see their writes.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.key_prefix = Some(prefix.into());
        self
    }

    /// Sets how long the local tier is trusted after a heartbeat (H).
    ///
    /// It bounds how stale a local hit can be. Default 1 s, from 20 ms to an hour. Each instance sends two small
    /// commands to Redis in this time.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = limits::lease(lease);
        self
    }

    /// Sets how long a write lock lives if it is not released (P).
    ///
    /// Default 10 s, from 1 ms to a day. It must be longer than any transaction of the store takes.
    pub fn write_lock_ttl(mut self, ttl: Duration) -> Self {
        self.settings.write_lock_ttl = limits::write_lock_ttl(ttl);
        self
    }

    /// Sets how long a read waits for the shared tier.
    ///
    /// After that it goes to the store.
    ///
    /// Default 50 ms, from 1 ms to an hour. While large replies are arriving, at least 64 KB per timeout, a read waits
    /// for up to four timeouts.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.settings.read_timeout = limits::timeout(timeout);
        self
    }

    /// Sets how long each of the two requests of a write waits for the shared tier.
    ///
    /// Default 250 ms, from 1 ms to an hour.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.settings.write_timeout = limits::timeout(timeout);
        self
    }

    /// Sets the deadline of a load, including its wait for a permit.
    ///
    /// After it, the callers that wait for the load receive an error. Default 30 s, from 1 ms to ten years.
    ///
    /// If the store's error type does not implement `From<cache_core::Error>`, the load has no deadline, and the
    /// callers that wait for it call the store themselves after this time.
    pub fn load_deadline(mut self, deadline: Duration) -> Self {
        self.settings.load_deadline = limits::deadline(deadline);
        self
    }

    /// Sets how long [`Cache::shutdown`] waits for loads, releases and fills in progress.
    ///
    /// Default 10 s, at most a day; with zero it does not wait.
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.settings.shutdown_timeout = limits::shutdown_timeout(limit);
        self
    }

    /// Limits the concurrent loads while the shared tier is unreachable.
    ///
    /// The limit remains until the store keeps up afterwards, for at most a minute. Default 64, from 1 to
    /// 4,294,967,295.
    ///
    /// Loads for a single caller, such as after `visible_if` returned false, always count. A load inside another load,
    /// and one that such a load waits for, need no permit. A load waits at most [`load_deadline`](Self::load_deadline)
    /// for a permit; then it fails, or runs without a permit if its error type does not implement
    /// `From<cache_core::Error>`.
    pub fn max_concurrent_loads(mut self, loads: usize) -> Self {
        self.settings.max_concurrent_loads = limits::loads(loads);
        self
    }

    /// Sets the maximum age of a local hit while the shared tier is unreachable.
    ///
    /// The age counts from the start of the load.
    ///
    /// Default 2 s, at most a day; with zero, no entries are kept then, and every read goes to the store.
    ///
    /// It bounds how long a read may miss a write of another instance. Methods in mode [`Strict`](crate::Mode::Strict)
    /// keep no entries then, whatever this value.
    pub fn degraded_ttl(mut self, ttl: Duration) -> Self {
        self.settings.degraded_ttl = limits::degraded_ttl(ttl);
        self
    }

    /// Sets how long this instance waits for the other members after an outage.
    ///
    /// Until they have returned, it reads as during the outage. Default ten leases, at most ten years; zero disables
    /// the wait.
    ///
    /// Until each member has delivered its invalidations, an entry of the shared tier may be older than an acknowledged
    /// write; `docs/outages.md` in the repository has measured times. A member that is still missing after the limit
    /// counts as isolated: [`Health`](crate::Health) and one warning name it.
    pub fn recovery_barrier(mut self, limit: Duration) -> Self {
        self.settings.recovery_barrier = Some(limits::recovery_barrier(limit));
        self
    }

    /// Sets the maximum size of an entry in the shared tier, in bytes with its envelope.
    ///
    /// Default 1 MiB, at most 511 MiB. A larger value is not stored there, and larger bytes are not read.
    pub fn max_entry_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_entry = limits::entry(bytes);
        self
    }

    /// Checks about one in `hits` hits against the store, and measures how stale they were. Default 0: none.
    ///
    /// It samples hits of decorators and of [`Region::get_or_load`](crate::Region::get_or_load), and each key of a batch
    /// by itself. A sampled hit starts a read of the store with the same arguments, in a task of its own: the caller does
    /// not wait for it. At most four
    /// are in progress at once in a cache; further hits are not checked. The two values are compared by their encoding
    /// for the shared tier. A value that contains a map or a set in random order may therefore differ from itself: use
    /// an ordered one (`BTreeMap`). If the values differ, the local tier is watched until it no longer returns the old
    /// value, for at most a minute. [`MethodStats`](crate::MethodStats) and the metrics report the time from the start
    /// of the store's read until then.
    ///
    /// Methods with `load = inline`, hits while the shared tier is unreachable, and callers that followed
    /// another caller's look-up are not checked. A method with `visible_if` is called with the arguments of the reader
    /// that saw the value.
    ///
    /// These reads are calls of the store, and the statistics do not count them as loads. While sampling is off, a hit
    /// only checks the setting.
    pub fn verify_one_in(mut self, hits: u32) -> Self {
        self.settings.verify_one_in = NonZeroU32::new(hits);
        self
    }

    /// Builds the cache.
    ///
    /// # Errors
    ///
    /// If an address, a certificate or the key prefix does not parse, or if there is a remote and no Tokio runtime. An
    /// unreachable server is not an error.
    pub fn build(self) -> Result<Cache, Error> {
        if let Some(prefix) = &self.settings.key_prefix {
            key_prefix::check(prefix).map_err(|expected| {
                Error::config(format!("the key prefix is `{}`: expected {expected}", shown(prefix)))
            })?;
        }
        let remote = match self.source {
            Source::Nothing => return Ok(Cache::pass_through()),
            Source::Remote(remote) => remote,
            #[cfg(feature = "redis")]
            Source::Redis(url) => {
                let password = self.password.as_ref().map(|password| password.0.as_str());
                let address = Address::parse(&url.0, password)?;
                let roots: Vec<&str> = self.root_certificates.iter().map(|pem| pem.0.as_str()).collect();
                let redis = RedisRemote::new(address, &roots, self.settings.max_entry)?;
                let redis = match &self.settings.key_prefix {
                    Some(prefix) => redis.with_prefix(prefix),
                    None => redis,
                };
                Remote(std::sync::Arc::new(redis))
            }
        };
        Cache::with_remote(remote, self.settings, self.clock)
    }
}

impl Cache {
    /// Builds a cache from the environment, with the variables in [`CacheBuilder::from_env`].
    ///
    /// With no address, or with the switch off, the cache is a pass-through: reads go to the store, and writes
    /// invalidate nothing on other instances.
    ///
    /// # Errors
    ///
    /// Returns an error if a value does not parse; the message names the variable and the expected form, and never
    /// contains a secret. It also does if there is an address and no Tokio runtime.
    pub fn from_env() -> Result<Self, Error> {
        CacheBuilder::from_env()?.build()
    }

    /// Returns a builder.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::new()
    }
}
