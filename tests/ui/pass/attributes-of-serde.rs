//! Attributes of serde with which a value comes back as it was, for each codec.
use std::marker::PhantomData;

use cache_core::{CacheValue, cached_store};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, CacheValue)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    #[serde(default)]
    pub max_tokens: u64,
    #[serde(rename = "modelName", alias = "model")]
    pub model: String,
    #[serde(skip)]
    pub marker: PhantomData<fn() -> u8>,
    #[serde(skip)]
    #[cache_value(skipped)]
    pub computed: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize, CacheValue)]
pub enum Role {
    Guest,
    Admin,
    #[serde(skip)]
    Internal,
}

#[derive(Clone, Serialize, Deserialize, CacheValue)]
#[serde(from = "u64", into = "u64")]
pub struct Other {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

impl From<u64> for Other {
    fn from(number: u64) -> Self {
        Self { number: Some(number) }
    }
}

impl From<Other> for u64 {
    fn from(other: Other) -> Self {
        other.number.unwrap_or_default()
    }
}

#[derive(Clone, Serialize, Deserialize, CacheValue)]
#[serde(tag = "kind")]
pub enum Tagged {
    One {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u64>,
    },
    Two(Policy),
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    /// A type that depends on the store is checked where the store is known.
    type Value: Clone + Send + Sync + Serialize + for<'de> Deserialize<'de> + 'static;

    #[cached(entity = "policy", key(id), ttl = "1m", codec = postcard)]
    async fn policy(&self, id: u64) -> Result<Policy, String>;

    #[cached(entity = "role", key(id), ttl = "1m", codec = postcard)]
    async fn role(&self, id: u64) -> Result<Role, String>;

    #[cached(entity = "other", key(id), ttl = "1m", codec = postcard)]
    async fn other(&self, id: u64) -> Result<Other, String>;

    #[cached(entity = "tagged", key(id), ttl = "1m", codec = json)]
    async fn tagged(&self, id: u64) -> Result<Tagged, String>;

    #[cached(entity = "value", key(id), ttl = "1m", codec = postcard)]
    async fn value(&self, id: u64) -> Result<Self::Value, String>;
}

fn main() {}
