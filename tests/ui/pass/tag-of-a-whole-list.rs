//! A list is the key of one tag if it is written as a tuple.

use cache_core::{Error, cached_store};

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "post", key(id), tags("labels", (&value.1,)), ttl = "5m")]
    async fn post(&self, id: u64) -> Result<Option<(String, Vec<String>)>, Error>;

    #[invalidates(tag("labels", (&labels,)))]
    async fn set(&self, labels: &[String]) -> Result<(), Error>;
}

fn main() {}
