//! Calls of user code beside the store: `cache_if`, `visible_if`, `Clone`, `From<Error>`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `code`; logs a panic and returns `None`.
///
/// Other callers may wait for the load that runs it, so a panic must not end that load.
pub(super) fn guarded<T>(method: &str, what: &'static str, code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code))
        .map_err(|panic| {
            tracing::error!(key = method, what, panic = panic_text(&*panic), "user code panicked");
        })
        .ok()
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
