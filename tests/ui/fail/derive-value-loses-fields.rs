//! Attributes of serde with which a value comes back from the cache without a part of it.
use cache_core::CacheValue;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, CacheValue)]
struct Session {
    #[serde(skip)]
    token: String,
    #[serde(skip_serializing, default)]
    password: String,
    #[serde(skip_deserializing)]
    age: u64,
    #[serde(skip)]
    #[cache_value(skipped)]
    computed: Option<u64>,
}

#[derive(Serialize, Deserialize, CacheValue)]
struct Renamed {
    #[serde(default, rename(serialize = "userName"))]
    user_name: String,
    #[serde(default, rename(serialize = "userAge"), alias = "userAge")]
    user_age: String,
}

#[derive(Serialize, Deserialize, CacheValue)]
#[serde(rename_all(serialize = "camelCase", deserialize = "snake_case"))]
enum Kind {
    FirstOfAll,
    Named {
        #[serde(skip)]
        inner: u8,
    },
}

fn main() {}
