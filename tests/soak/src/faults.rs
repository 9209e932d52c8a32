//! What happens to the server meanwhile.

use std::time::Duration;

use cache_tests::RedisServer;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

/// The time between two faults.
const PAUSE: Duration = Duration::from_secs(5);
/// Longer than several read timeouts and a lease.
const FREEZE: Duration = Duration::from_millis(1500);

/// The server, and the faults that it has had.
pub(crate) struct Faults {
    server: RedisServer,
    count: usize,
}

/// Faults in the background.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Faults>,
}

impl Faults {
    pub(crate) fn of(server: RedisServer) -> Self {
        Self { server, count: 0 }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn begin(mut self) -> Running {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            while tokio::time::timeout(PAUSE, &mut stopped).await.is_err() {
                self = spawn_blocking(|| self.next()).await.expect("the server obeys");
            }
            self
        });
        Running { stop, task }
    }

    /// Connections that are closed, a frozen server, and one that restarts empty, in turns.
    fn next(mut self) -> Self {
        match self.count % 3 {
            0 => self.server.command(&["CLIENT", "KILL", "TYPE", "normal"]),
            1 => {
                self.server.pause();
                std::thread::sleep(FREEZE);
                self.server.resume();
            }
            _ => {
                self.server.kill();
                self.server.restart();
            }
        }
        self.count += 1;
        self
    }
}

impl Running {
    /// Ends the faults; the server works again.
    pub(crate) async fn end(self) -> Faults {
        // The task may be within a fault; it stops after that.
        let _ = self.stop.send(());
        self.task.await.expect("the faults do not panic")
    }
}
