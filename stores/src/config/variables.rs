//! Variables and the types that they hold.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{StoreError, StoreErrorKind};

pub(super) struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// The value of a variable that is set and not blank, without space around it.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A switch, on where nothing is set.
    pub(super) fn switch(&self, name: &str) -> Result<bool, StoreError> {
        let Some(value) = self.get(name) else { return Ok(true) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Ok(true),
            "false" | "0" | "off" | "no" => Ok(false),
            _ => Err(unexpected(name, &value, "true or false")),
        }
    }

    /// A time in whole seconds, from the first of these names that is set.
    pub(super) fn seconds(&self, names: &[&str]) -> Result<Option<Duration>, StoreError> {
        let set = names.iter().find_map(|name| Some((name, self.get(name)?)));
        let Some((name, value)) = set else { return Ok(None) };
        let seconds: NonZeroU32 = value.parse().map_err(|_| unexpected(name, &value, "whole seconds, 1 or more"))?;
        Ok(Some(Duration::from_secs(seconds.get().into())))
    }
}

/// A value that may be shown, and what it should have been.
pub(super) fn unexpected(name: &str, value: &str, expected: &str) -> StoreError {
    wrong(format!("{name} is `{}`: expected {expected}", value.escape_debug()))
}

pub(super) fn wrong(context: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Config, "read the configuration", context)
}
