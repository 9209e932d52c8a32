//! The modes of the families of tags in a cache.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::key::Head;
use crate::protocol::Mode;

/// The strongest mode of the methods whose entries carry tags of each family.
///
/// A write waits as long as the strictest reader of its targets demands. The mode of a method may be set when its
/// decorator is built, so the decorator notes it here.
#[derive(Debug, Default)]
pub(crate) struct FamilyModes(Mutex<HashMap<Box<str>, Mode>>);

impl FamilyModes {
    pub(crate) fn of(&self, family: &Head) -> Option<Mode> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(family.text()).copied()
    }

    pub(crate) fn raise(&self, family: &Head, mode: Mode) {
        let mut modes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = modes.entry(family.text().into()).or_insert(mode);
        *known = mode.max(*known);
    }
}
