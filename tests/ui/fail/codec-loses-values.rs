//! Attributes of serde that need a codec with field names.
use std::collections::HashMap;
use std::sync::Arc;

use cache_core::{CacheValue, cached_store};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, CacheValue)]
pub struct Rights {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admin: bool,
    pub groups: Vec<u8>,
}

#[derive(Clone, Serialize, Deserialize, CacheValue)]
pub enum Role {
    Guest,
    #[serde(skip)]
    Internal,
    Admin,
}

#[derive(Clone, Serialize, Deserialize, CacheValue)]
#[serde(untagged)]
pub enum Either {
    Number(u64),
    Text(String),
}

#[derive(Clone, Serialize, Deserialize, CacheValue)]
pub struct User {
    pub roles: HashMap<String, Vec<Either>>,
}

#[cached_store(namespace = "app")]
pub trait Store: Send + Sync {
    #[cached(entity = "rights", key(id), ttl = "1m", codec = postcard)]
    async fn rights(&self, id: u64) -> Result<Rights, String>;

    #[cached(entity = "role", key(id), ttl = "1m", negative_ttl = "1m", codec = postcard)]
    async fn role(&self, id: u64) -> Result<Option<Role>, String>;

    #[cached(entity = "user", key(id), ttl = "1m", codec = postcard)]
    async fn user(&self, id: u64) -> Result<Arc<User>, String>;

    #[cached(entity = "either", key(id), ttl = "1m", codec = msgpack)]
    async fn either(&self, id: u64) -> Result<Either, String>;
}

fn main() {}
