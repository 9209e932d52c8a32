//! Mirrors of foreign traits, whose imports count as used, and `&mut self` methods, under the strictest lints.
#![deny(warnings, missing_docs, clippy::all)]

use std::error::Error;
use std::fmt::Display;

use cache_core::cached_store;
use other::{Account, Permission};

/// As another crate would declare it.
#[allow(async_fn_in_trait)]
pub mod other {
    use std::error::Error;
    use std::fmt::Display;
    use std::future::Future;

    /// A user.
    pub trait Account: Clone + Send + Sync {}

    /// A permission.
    #[derive(Debug)]
    pub struct Permission;

    /// Its futures are `Send`.
    pub trait Login: Display + Send + Sync {
        /// A user.
        type User: Account;
        /// An error.
        type Error: Error + Send;

        /// Finds a user.
        fn user(&self, id: u64) -> impl Future<Output = Result<Option<Self::User>, Self::Error>> + Send;

        /// Renames a user.
        fn rename(&self, id: u64, name: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

        /// Whether a user may do something.
        fn may(&self, _: u64, permission: &Permission) -> impl Future<Output = bool> + Send {
            let _ = permission;
            async { false }
        }
    }

    /// Its futures may not be `Send`.
    pub trait Queue {
        /// Takes a job.
        async fn take(&mut self) -> Option<u64>;

        /// Adds a job.
        async fn push(&mut self, id: u64) -> Result<(), String>;

        /// Finds a job.
        fn job(&mut self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;
    }
}

#[cached_store(namespace = "app:login", foreign = other::Login)]
pub trait Login: Display {
    type User: Account;
    type Error: Error;

    #[cached(entity = "user", key(id), ttl = "5m")]
    async fn user(&self, id: u64) -> Result<Option<Self::User>, Self::Error>;

    #[invalidates(user(id))]
    async fn rename(&self, id: u64, name: &str) -> Result<(), Self::Error>;

    #[over(decorator)]
    async fn may(&self, _: u64, permission: &Permission) -> bool;
}

#[cached_store(namespace = "app:queue", foreign = other::Queue, exclusive = lock)]
pub trait Locked {
    #[uncached]
    async fn take(&mut self) -> Option<u64>;

    #[invalidates(job(id))]
    async fn push(&mut self, id: u64) -> Result<(), String>;

    #[cached(entity = "job", key(id), ttl = "5m")]
    fn job(&mut self, id: u64) -> impl Future<Output = Result<Option<String>, String>> + Send;
}

#[cached_store(namespace = "app:cloned", foreign = other::Queue, exclusive = clone)]
trait Cloned {
    #[uncached]
    async fn take(&mut self) -> Option<u64>;

    #[invalidates(job(id))]
    async fn push(&mut self, id: u64) -> Result<(), String>;

    #[cached(entity = "job", key(id), ttl = "5m")]
    async fn job(&mut self, id: u64) -> Result<Option<String>, String>;
}

fn main() {}
