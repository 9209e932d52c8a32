//! Boxed futures, parameters that the store changes, and callers' transactions, under the strictest lints.
#![deny(warnings, missing_docs, clippy::all)]

use std::future::Future;
use std::pin::Pin;

use cache_core::cached_store;

/// As `futures` has it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A record.
pub struct Record {
    /// Its key.
    pub id: u64,
}

/// A transaction of a database.
pub struct Transaction<'a>(&'a ());

/// A payment, which happens to be called that.
pub mod payments {
    /// Of some amount.
    pub struct Transaction(pub u64);
}

/// The records.
#[cached_store(namespace = "app")]
pub trait Records: Send + Sync {
    /// The name of a record.
    #[cached(entity = "name", key(id), ttl = "5m")]
    fn name(&self, id: u64) -> BoxFuture<'_, Result<Option<String>, String>>;

    /// Creates a record, under another key where this one is taken.
    #[invalidates(name(record.id))]
    fn create<'a>(&'a self, record: &'a mut Record) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

    /// Renames within a transaction.
    #[invalidates(name(id), name(result), commits = caller)]
    async fn rename(&self, transaction: &mut Transaction<'_>, id: u64, _note: String) -> Result<u64, String>;

    /// Pays.
    #[invalidates(name(payment.0), commits = store)]
    async fn pay(&self, payment: &payments::Transaction) -> Result<(), String>;

    /// How many there are.
    #[uncached]
    fn count(&self) -> impl Future<Output = u64> + Send;
}

fn main() {}
