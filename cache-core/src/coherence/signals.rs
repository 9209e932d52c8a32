//! Notifications between the engine, the bus and the supervisor.

use tokio::sync::Notify;

/// The events that tasks of a cache wait for.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// A namespace was added: the supervisor subscribes again.
    pub(super) joined: Notify,
    /// An invalidation is due for delivery, or a heartbeat is due early.
    pub(super) due: Notify,
    /// The connection is lost.
    pub(super) lost: Notify,
    /// A tier became usable.
    pub(crate) usable: Notify,
    /// Journaled invalidations were delivered, or the state of the connection changed.
    pub(crate) delivered: Notify,
}
