//! The same handles without the facade, which do nothing.

use std::time::Duration;

use super::names::Definition;
use crate::runtime::Clock;

pub(crate) type Labels<'a> = &'a [(&'static str, &'static str)];

pub(crate) fn describe() {}

pub(crate) struct Count;

impl Count {
    pub(crate) fn new(_: &Definition, _: Labels<'_>) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the version with the facade needs it")]
    pub(crate) fn publish(&self, _: u64) {}
}

pub(crate) struct Level;

impl Level {
    pub(crate) fn new(_: &Definition, _: Labels<'_>) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the version with the facade needs it")]
    pub(crate) fn set(&self, _: f64) {}
}

pub(crate) struct Timing;

impl Timing {
    pub(crate) fn new(_: &Definition, _: Labels<'_>) -> Self {
        Self
    }

    pub(crate) async fn of<T>(&self, _: &Clock, work: impl Future<Output = T>) -> T {
        work.await
    }

    #[expect(clippy::unused_self, reason = "the version with the facade needs it")]
    pub(crate) fn record(&self, _: Duration) {}
}
