//! The faults of the server.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A fault of a [`RestServer`](crate::RestServer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestFault {
    /// Every request is answered with this status and the documented text for it.
    Status(u16),
    /// Every request is answered with a page of another kind of server, and the status 200.
    ForeignPage,
    /// Commands wait until the server is healed.
    Hold,
    /// Commands are executed, and the connection is closed without a reply.
    LoseReplies,
    /// The connection is closed before a command is executed.
    LoseRequests,
    /// The same for the next request only, as if the connection had been unused for too long.
    LoseOneRequest,
    /// Subscriptions are refused with this status.
    NoStreams(u16),
    /// A subscription is to the first of its channels only.
    OneChannel,
    /// Subscriptions are accepted, and nothing ever arrives, as behind a proxy that buffers.
    BufferedStreams,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    fault: Mutex<Option<RestFault>>,
    changed: Condvar,
}

impl Faults {
    pub(super) fn set(&self, fault: Option<RestFault>) {
        *self.lock() = fault;
        self.changed.notify_all();
    }

    pub(super) fn get(&self) -> Option<RestFault> {
        *self.lock()
    }

    /// Waits while commands are held.
    pub(super) fn wait(&self) {
        let held = |fault: &mut Option<RestFault>| *fault == Some(RestFault::Hold);
        drop(self.changed.wait_while(self.lock(), held).unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, Option<RestFault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
