//! The tasks of a cache.
//!
//! There are two kinds: tasks that a shutdown waits for (loads, fills, releases), and daemons, which it ends. The
//! daemons without an end of their own, the supervisor and the publisher, do not hold the cache, so that dropping the
//! last handle ends them.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The tasks of one cache: a shutdown waits for the finite ones and stops the daemons.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    daemons: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Whether a task can be spawned here: a value may be dropped outside a runtime.
    pub(crate) fn can_spawn() -> bool {
        cfg!(all(test, shuttle)) || tokio::runtime::Handle::try_current().is_ok()
    }

    /// Runs a task to its end; a shutdown waits for it.
    pub(crate) fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) {
        start(self.tracker.track_future(task.in_current_span()));
    }

    /// Runs a task until the cache shuts down.
    pub(crate) fn spawn_daemon(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        start(self.daemons.track_future(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        }));
    }

    /// Stops the daemons.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for the daemons, which must have been stopped.
    pub(crate) async fn wait_for_daemons(&self) {
        self.daemons.close();
        self.daemons.wait().await;
    }

    /// Waits for every finite task.
    pub(crate) async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(not(all(test, shuttle)))]
fn start<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) {
    tokio::spawn(task);
}

/// Spawns a task in the explorer of interleavings.
#[cfg(all(test, shuttle))]
fn start<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) {
    drop(shuttle::future::spawn(task));
}
