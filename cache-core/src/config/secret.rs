//! Secrets: text that must not reach a log line, in a type whose `Debug` does not show it.

use std::fmt;

/// Text that is never shown in output.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
