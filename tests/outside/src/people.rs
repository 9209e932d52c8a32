//! The cached values and their keys.

use caching::{CacheKey, CacheValue};
use serde::{Deserialize, Serialize};

/// The name of a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, CacheKey, CacheValue)]
#[cache_key(crate = caching)]
#[cache_value(crate = caching)]
pub(crate) struct Name(String);

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize, CacheValue)]
#[cache_value(crate = caching)]
pub(crate) struct Person {
    name: Name,
    age: u32,
}

impl Name {
    /// The name of this text.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Person {
    /// A person of this name and age.
    pub(crate) fn new(name: &str, age: u32) -> Self {
        Self { name: Name::of(name), age }
    }

    /// How old the person is.
    pub(crate) fn age(&self) -> u32 {
        self.age
    }
}

impl crate::shelf::Item for Person {
    type Id = Name;

    fn id(&self) -> &Name {
        &self.name
    }
}
