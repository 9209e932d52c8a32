//! Code of the user that the engine runs after the store has answered: `cache_if`, `visible_if`, `Clone`, `From<Error>`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs it; a panic is logged and becomes `None`.
///
/// Other callers may be waiting for the load that it is part of, so the panic must not end that.
pub(super) fn guarded<T>(key: &str, what: &'static str, code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code))
        .map_err(|panic| {
            tracing::error!(key, what, panic = panic_text(&*panic), "user code panicked");
        })
        .ok()
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
