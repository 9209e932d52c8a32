//! A store that computes its rows, so that only the cache holds any.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cache_core::{CacheValue, Error, cached_store};
use serde::{Deserialize, Serialize};

/// A row of about a hundred bytes.
#[derive(Debug, Clone, Serialize, Deserialize, CacheValue)]
pub(crate) struct Row {
    pub(crate) id: u64,
    text: String,
}

#[cached_store(namespace = "soak:rows")]
#[async_trait]
pub(crate) trait Rows: Send + Sync {
    #[cached(entity = "row", key(id), ttl = "5m", negative_ttl = "1m", local_capacity = 100_000)]
    async fn row(&self, id: u64) -> Result<Option<Arc<Row>>, Error>;

    #[invalidates(row(id))]
    async fn set_row(&self, id: u64) -> Result<(), Error>;

    #[invalidates(row(..))]
    async fn set_all(&self) -> Result<(), Error>;
}

/// Every tenth row is absent.
const ABSENT: u64 = 10;

#[derive(Debug)]
pub(crate) struct Generated {
    /// The rows that were returned, if the store leaks them.
    leaked: Option<Mutex<Vec<Row>>>,
}

impl Generated {
    pub(crate) fn new(leak: bool) -> Self {
        Self { leaked: leak.then(Mutex::default) }
    }
}

#[async_trait]
impl Rows for Generated {
    async fn row(&self, id: u64) -> Result<Option<Arc<Row>>, Error> {
        let row = Row { id, text: format!("{id:080}") };
        if let Some(leaked) = &self.leaked {
            leaked.lock().unwrap_or_else(PoisonError::into_inner).push(row.clone());
        }
        Ok((!id.is_multiple_of(ABSENT)).then(|| Arc::new(row)))
    }

    async fn set_row(&self, _: u64) -> Result<(), Error> {
        Ok(())
    }

    async fn set_all(&self) -> Result<(), Error> {
        Ok(())
    }
}
