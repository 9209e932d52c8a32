//! Builds a cache, in code or from the environment.
//!
//! A [`CacheBuilder`] collects an address (or a shared tier), the settings, and the clock. Settings are checked twice:
//! each method replaces a number or a time outside its range by the nearest value in it, and
//! [`build`](CacheBuilder::build) returns an error for text that does not parse. So a wrong number never stops a
//! service, and a wrong address always does, at its start.
//!
//! Building does not connect. A server that is down at the start of a process is no error: the cache connects in the
//! background, and reads go to the store until it has.

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
use crate::tier::shared::redis::{self, Logins};

/// Builds a [`Cache`]. Created by [`Cache::builder`].
///
/// Without [`redis`](Self::redis) and [`remote`](Self::remote) the cache is a pass-through. A value outside the range
/// of a setting is replaced by the nearest one within it.
///
/// All instances of a service should have the same settings. Two of them must agree, since instances rely on each
/// other's values: [`key_prefix`](Self::key_prefix) always, and [`lease`](Self::lease) for methods in mode
/// [`Strict`](crate::Mode::Strict).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use std::time::Duration;
/// use cache_core::{Backend, Cache, MemoryRemote};
///
/// let cache = Cache::builder()
///     .remote(MemoryRemote::new()) // or `.redis("redis://127.0.0.1:6379")`
///     .key_prefix("staging")
///     .lease(Duration::from_millis(500))
///     .build()?;
/// assert_eq!(cache.backend(), Backend::Memory);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct CacheBuilder {
    source: Source,
    #[cfg(feature = "redis")]
    logins: Logins,
    #[cfg(feature = "redis")]
    root_certificates: Vec<Secret>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
}

/// The shared tier that was requested last.
#[derive(Debug, Clone)]
enum Source {
    /// None: the cache is a pass-through.
    Nothing,
    Remote(Remote),
    /// An address, which [`CacheBuilder::build`] parses. It may contain a password.
    #[cfg(feature = "redis")]
    Redis(Secret),
}

impl CacheBuilder {
    /// Creates a builder with the default settings and without a shared tier.
    pub(crate) fn new() -> Self {
        Self {
            source: Source::Nothing,
            #[cfg(feature = "redis")]
            logins: Logins::default(),
            #[cfg(feature = "redis")]
            root_certificates: Vec::new(),
            settings: Settings::default(),
            clock: Clock::default(),
        }
    }

    /// Creates a builder with an address that was checked already, and its secrets.
    #[cfg(feature = "redis")]
    fn at(url: Secret, logins: Logins) -> Self {
        Self { source: Source::Redis(url), logins, ..Self::new() }
    }

    /// Shares entries through this Redis server.
    ///
    /// The address is `redis://[user[:password]@]host[:port][/database]`, the same with `rediss://` for an encrypted
    /// connection, or `redis+unix:///path[?db=number&user=name&pass=password]`. With the feature `upstash` it may also be
    /// `https://host[:port]`, the REST interface of Upstash, whose token is the
    /// [`redis_password`](Self::redis_password): see [Redis over HTTP](crate::docs::consistency#redis-over-http).
    ///
    /// Servers that Redis Sentinel watches have the address
    /// `redis+sentinel://[user:password@]host[:port],host[:port],…/master-name[/database]`, or the same with
    /// `rediss+sentinel://`. It lists the sentinels, whose default port is 26379; user, password and database are those
    /// of the servers. A fail-over closes the connection, and the cache connects to the new primary.
    ///
    /// The certificate of a server over TLS is always verified, against the public authorities or against those of
    /// [`redis_root_certificate`](Self::redis_root_certificate).
    ///
    /// This does not connect, and an unreachable server is not an error: the cache connects in the background, and
    /// reads go to the store until it has. An address that does not parse is an error of [`build`](Self::build).
    ///
    /// It replaces an earlier call of [`remote`](Self::remote), and the other way round.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// let cache = cache_core::Cache::builder().redis("redis://127.0.0.1:6379/1").build()?;
    /// # let _ = cache;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "redis")]
    pub fn redis(mut self, url: impl Into<String>) -> Self {
        self.source = Source::Redis(Secret(url.into()));
        self
    }

    /// Sets the password of the Redis server, which replaces the one in the address. Over HTTP it is the token.
    ///
    /// Without an address it has no effect. `Debug` of the builder does not show it.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder().redis("rediss://cache@redis.internal:6380").redis_password("secret");
    /// assert!(!format!("{builder:?}").contains("secret"));
    /// ```
    #[cfg(feature = "redis")]
    pub fn redis_password(mut self, secret: impl Into<String>) -> Self {
        self.logins.password = Some(Secret(secret.into()));
        self
    }

    /// Sets the password of the sentinels, which replaces the one in the address.
    ///
    /// The password of the servers is another one: see [`redis_password`](Self::redis_password). With an address other
    /// than `redis+sentinel://` or `rediss+sentinel://` it has no effect. `Debug` of the builder does not show it.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder()
    ///     .redis("redis+sentinel://sentinel-1:26379,sentinel-2:26379,sentinel-3:26379/service")
    ///     .redis_sentinel_password("secret");
    /// assert!(!format!("{builder:?}").contains("secret"));
    /// ```
    #[cfg(feature = "redis")]
    pub fn redis_sentinel_password(mut self, secret: impl Into<String>) -> Self {
        self.logins.sentinel_password = Some(Secret(secret.into()));
        self
    }

    /// Sets the user on the sentinels, which replaces the one in the address.
    ///
    /// Without a password of the sentinels, [`build`](Self::build) returns an error. With an address other than
    /// `redis+sentinel://` or `rediss+sentinel://` it has no effect. `Debug` of the builder does not show it.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder()
    ///     .redis("redis+sentinel://sentinel-1,sentinel-2,sentinel-3/service")
    ///     .redis_sentinel_user("watcher")
    ///     .redis_sentinel_password("secret");
    /// # let _ = builder;
    /// ```
    #[cfg(feature = "redis")]
    pub fn redis_sentinel_user(mut self, user: impl Into<String>) -> Self {
        self.logins.sentinel_user = Some(Secret(user.into()));
        self
    }

    /// Trusts this certificate authority for a Redis server over TLS, instead of the public ones.
    ///
    /// `pem` has one or more certificates in PEM form. Further calls add authorities. With an address that is not
    /// encrypted, [`build`](Self::build) returns an error.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pem = std::fs::read_to_string("redis-ca.pem")?;
    /// let cache = cache_core::Cache::builder().redis("rediss://redis.internal").redis_root_certificate(pem).build()?;
    /// # let _ = cache;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    pub fn redis_root_certificate(mut self, pem: impl Into<String>) -> Self {
        self.root_certificates.push(Secret(pem.into()));
        self
    }

    /// Shares entries through this shared tier, such as a [`MemoryRemote`](crate::MemoryRemote).
    ///
    /// It replaces an earlier address. Caches that are built with clones of one shared tier share their entries and
    /// invalidations, like instances on one Redis server.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// use cache_core::{Cache, MemoryRemote};
    ///
    /// let cache = Cache::builder().remote(MemoryRemote::new()).build()?;
    /// # let _ = cache;
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder().key_prefix("staging:eu");
    /// assert!(builder.build().is_ok());
    /// assert!(Cache::builder().key_prefix("a b").build().is_err());
    /// ```
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.key_prefix = Some(prefix.into());
        self
    }

    /// Sets how long the local tier is trusted after a heartbeat (H).
    ///
    /// It bounds how stale a local hit can be. Default 1 s, from 20 ms to an hour. Each instance sends two small
    /// commands to Redis in this time.
    ///
    /// A shorter lease shortens the writes of mode [`Strict`](crate::Mode::Strict) and the first writes of an outage,
    /// which wait for it. If it is close to the round-trip time of a heartbeat ([`Health`](crate::Health) has it), the
    /// local tier is disabled from time to time, and reads use the shared tier. All instances of a service should have
    /// the same lease.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// // A local hit misses no write of more than 250 ms ago, at four times the default number of heartbeats.
    /// let builder = Cache::builder().lease(Duration::from_millis(250));
    /// # let _ = builder;
    /// ```
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = limits::lease(lease);
        self
    }

    /// Sets how long a write lock lives if it is not released (P).
    ///
    /// Default 10 s, from 1 ms to a day. It must be longer than any transaction of the store takes: a write that takes
    /// longer loses its lock, and if its process then ends before it releases, other instances may keep the old value.
    /// After a crash of a writer, reads of its scopes go to the store for this time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// // The longest transaction of the store takes 20 s.
    /// let builder = Cache::builder().write_lock_ttl(Duration::from_secs(60));
    /// # let _ = builder;
    /// ```
    pub fn write_lock_ttl(mut self, ttl: Duration) -> Self {
        self.settings.write_lock_ttl = limits::write_lock_ttl(ttl);
        self
    }

    /// Sets how long a read waits for the shared tier.
    ///
    /// After that it goes to the store. A handful of such reads opens the circuit breaker; later reads then do not
    /// wait.
    ///
    /// Default 50 ms, from 1 ms to an hour. While large replies are arriving, at least 64 KB per timeout, a read waits
    /// for up to four timeouts. The timer of the runtime may be 2 ms late, so a timeout of at least 8 ms ends that much
    /// earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// // A slow network: allow more time before a read goes to the store.
    /// let builder = Cache::builder().read_timeout(Duration::from_millis(200));
    /// # let _ = builder;
    /// ```
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.settings.read_timeout = limits::timeout(timeout);
        self
    }

    /// Sets how long each request of a write waits for the shared tier.
    ///
    /// A write has two, the lock and the release. Default 250 ms, from 1 ms to an hour. A request that timed out may
    /// still have been applied; the write journals its invalidation and never fails because of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder().write_timeout(Duration::from_millis(500));
    /// # let _ = builder;
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder().load_deadline(Duration::from_secs(5));
    /// # let _ = builder;
    /// ```
    pub fn load_deadline(mut self, deadline: Duration) -> Self {
        self.settings.load_deadline = limits::deadline(deadline);
        self
    }

    /// Sets how long [`Cache::shutdown`] waits for loads, releases and fills in progress.
    ///
    /// Default 10 s, at most a day; with zero it does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// // Kubernetes ends the process 30 s after the signal.
    /// let builder = Cache::builder().shutdown_timeout(Duration::from_secs(20));
    /// # let _ = builder;
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// // The connection pool of the database has 20 connections.
    /// let builder = Cache::builder().max_concurrent_loads(20);
    /// # let _ = builder;
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// // During an outage every read goes to the store.
    /// let builder = Cache::builder().degraded_ttl(Duration::ZERO);
    /// # let _ = builder;
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder().recovery_barrier(Duration::from_secs(30));
    /// # let _ = builder;
    /// ```
    pub fn recovery_barrier(mut self, limit: Duration) -> Self {
        self.settings.recovery_barrier = Some(limits::recovery_barrier(limit));
        self
    }

    /// Sets the maximum size of an entry in the shared tier, in bytes.
    ///
    /// It includes the envelope. Default 1 MiB, at most 511 MiB. A larger value is not stored there, and larger bytes
    /// are not read. The local tier keeps values of any size.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder().max_entry_bytes(16 * 1024 * 1024);
    /// # let _ = builder;
    /// ```
    pub fn max_entry_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_entry = limits::entry(bytes);
        self
    }

    /// Sets how many refreshes this cache runs at once. Default 16; 0 refreshes nothing.
    ///
    /// A refresh is a load in the background, for a read method with
    /// [`refresh_after`](crate::ReadPolicy::refresh_after) or
    /// [`stale_while_revalidate`](crate::ReadPolicy::stale_while_revalidate), or one whose callers have an answer
    /// ([`soft_timeout`](crate::ReadPolicy::soft_timeout)). Beyond the limit it is left out and counted
    /// (`MethodStats::refreshes_skipped`), and the next read of the key tries again. With 0 no value answers after its
    /// time to live, except in place of an error of the store.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder().refreshes(4);
    /// # let _ = builder;
    /// ```
    pub fn refreshes(mut self, at_once: usize) -> Self {
        self.settings.refreshes = at_once;
        self
    }

    /// Checks about one in `hits` hits against the store, and measures how stale they were. Default 0: none.
    ///
    /// It samples hits of decorators and of [`Region::get_or_load`](crate::Region::get_or_load), and each key of a
    /// batch by itself. A sampled hit starts a read of the store with the same arguments, in a task of its own: the
    /// caller does not wait for it. At most four are in progress at once in a cache; further hits are not checked. The
    /// two values are compared by their encoding for the shared tier. A value that contains a map or a set in random
    /// order may therefore differ from itself: use an ordered one (`BTreeMap`). If the values differ, the local tier is
    /// watched until it no longer returns the old value, for at most a minute. [`MethodStats`](crate::MethodStats) and
    /// the metrics report the time from the start of the store's read until then.
    ///
    /// Methods with `load = inline`, hits while the shared tier is unreachable, and callers that followed
    /// another caller's look-up are not checked. A method with `visible_if` is called with the arguments of the reader
    /// that saw the value.
    ///
    /// These reads are calls of the store, and the statistics do not count them as loads. While sampling is off, a hit
    /// only checks the setting.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Cache;
    ///
    /// let builder = Cache::builder().verify_one_in(1000);
    /// # let _ = builder;
    /// ```
    pub fn verify_one_in(mut self, hits: u32) -> Self {
        self.settings.verify_one_in = NonZeroU32::new(hits);
        self
    }

    /// Builds the cache.
    ///
    /// With a shared tier this starts the background task that connects, on the current Tokio runtime. It does no I/O
    /// itself and returns at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{Cache, ErrorKind};
    ///
    /// let error = Cache::builder().key_prefix("no spaces").build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Config`](crate::ErrorKind::Config) if an address, a certificate or the key prefix does not parse, and
    /// [`NoRuntime`](crate::ErrorKind::NoRuntime) if there is a shared tier and no Tokio runtime. An unreachable server
    /// is not an error.
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
                let roots: Vec<&str> = self.root_certificates.iter().map(|pem| pem.0.as_str()).collect();
                let (prefix, max_entry) = (self.settings.key_prefix.as_deref(), self.settings.max_entry);
                Remote(redis::tier(&url.0, &self.logins, &roots, prefix, max_entry)?)
            }
        };
        Cache::with_remote(remote, self.settings, self.clock)
    }
}

impl Cache {
    /// Builds a cache from the environment, with the variables in [`CacheBuilder::from_variables`].
    ///
    /// With no address, or with the switch off, the cache is a pass-through: reads go to the store, and writes
    /// invalidate nothing on other instances. To change other settings as well, use [`CacheBuilder::from_env`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_core::Error> {
    /// let cache = cache_core::Cache::from_env()?;
    /// println!("{}", cache.backend()); // `redis`, or `pass-through` without REDIS_URL
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Config`](crate::ErrorKind::Config) if a value does not parse; the message names the variable and the
    /// expected form, and never contains a secret. Returns [`NoRuntime`](crate::ErrorKind::NoRuntime) if there is an
    /// address and no Tokio runtime.
    pub fn from_env() -> Result<Self, Error> {
        CacheBuilder::from_env()?.build()
    }

    /// Returns a builder with the default settings and without a shared tier.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{Backend, Cache};
    ///
    /// let cache = Cache::builder().build()?;
    /// assert_eq!(cache.backend(), Backend::PassThrough); // no address was set
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn builder() -> CacheBuilder {
        CacheBuilder::new()
    }
}
