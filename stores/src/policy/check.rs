//! Argument checks and page boundaries that all implementations share, with their messages.

use std::sync::Arc;

use uuid::Uuid;

use super::TenantPolicy;
use crate::page::CursorKind;
use crate::{Cursor, Page, PageRequest, StoreError, TenantId};

pub(super) const GET: &str = "get_policy";
pub(super) const GET_MANY: &str = "get_policies";
pub(super) const SET: &str = "set_policy";
pub(super) const DELETE: &str = "delete_policy";
pub(super) const COUNT: &str = "count_policies";
pub(super) const LIST: &str = "list_policies";

const CURSOR: CursorKind = CursorKind(1);

/// Checks a policy.
///
/// Postgres stores no NUL in text, JSON no number that is not finite. Every implementation refuses values that one of
/// them cannot store.
pub(super) fn check_policy(policy: &TenantPolicy) -> Result<(), StoreError> {
    let refused = |context: String| Err(StoreError::invalid_input(SET, context));
    if let Some(field) = field_with_nul(policy) {
        return refused(format!("{field} has a NUL character in it"));
    }
    match policy.tasks.iter().find(|task| task.temperature.is_some_and(|degree| !degree.is_finite())) {
        Some(task) => refused(format!("the temperature of task `{}` is not a finite number", task.task.escape_debug())),
        None => Ok(()),
    }
}

fn field_with_nul(policy: &TenantPolicy) -> Option<&'static str> {
    let own = [("default_model", &policy.default_model), ("default_provider", &policy.default_provider)];
    let tasks = policy.tasks.iter().flat_map(|task| {
        [
            ("the name of a task", &task.task),
            ("the model of a task", &task.model),
            ("the provider of a task", &task.provider),
        ]
    });
    own.into_iter().chain(tasks).find(|(_, text)| text.contains('\0')).map(|(field, _)| field)
}

/// The rows of a page.
pub(super) struct Slice {
    pub(super) limit: u32,
    pub(super) after: Option<TenantId>,
}

impl Slice {
    pub(super) fn of(page: &PageRequest) -> Result<Self, StoreError> {
        let limit = page.checked_limit(LIST)?;
        let after = page.after.as_ref().map(|cursor| cursor.decode(CURSOR, LIST)).transpose()?;
        Ok(Self { limit, after: after.map(|bytes| TenantId::new(Uuid::from_bytes(bytes))) })
    }

    /// One more than the rows of the page, to detect whether another page follows.
    pub(super) fn rows_to_read(&self) -> u32 {
        self.limit + 1
    }

    pub(super) fn page(&self, read: Vec<Arc<TenantPolicy>>) -> Page<Arc<TenantPolicy>> {
        Page::cut(read, self.limit, |last| Cursor::encode(CURSOR, last.tenant_id.as_uuid().as_bytes()))
    }
}
