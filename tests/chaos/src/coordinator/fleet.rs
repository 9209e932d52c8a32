//! The worker processes.

use std::env;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::WORKER;
use crate::worker::Assignment;

/// The time limit for an order to a worker.
const PATIENCE: Duration = Duration::from_mins(3);

/// A worker process, which is killed on drop.
pub(super) struct Worker {
    pub(super) process: String,
    pub(super) history: PathBuf,
    child: Child,
    orders: Option<ChildStdin>,
    words: Receiver<String>,
}

impl Worker {
    /// Starts it, and returns before it is ready.
    pub(super) fn start(assignment: &Assignment) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(WORKER).arg(serde_json::to_string(assignment)?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("a worker has a standard output")?;
        let (sender, words) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // No receiver is left for the output of an abandoned worker.
                let _ = sender.send(line);
            }
        });
        let (process, history) = (assignment.process.clone(), Path::new(&assignment.history).to_owned());
        Ok(Self { process, history, orders: child.stdin.take(), child, words })
    }

    /// Sends an order. A worker that has ended shows at the next wait for it.
    pub(super) fn order(&mut self, order: &str) {
        if let Some(orders) = &mut self.orders {
            let _ = writeln!(orders, "{order}");
        }
    }

    /// Waits for this word from it.
    pub(super) fn wait_for(&self, word: &str) -> Result<(), String> {
        if self.sends(word, PATIENCE)? {
            return Ok(());
        }
        Err(format!("worker {} did not send {word:?} within {PATIENCE:?}", self.process))
    }

    /// Whether this word arrives in time.
    pub(super) fn sends(&self, word: &str, patience: Duration) -> Result<bool, String> {
        let deadline = Instant::now() + patience;
        loop {
            match self.words.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(sent) if sent == word => return Ok(true),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(false),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("worker {} ended before it sent {word:?}", self.process));
                }
            }
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child that was not waited for takes a signal");
    }

    /// Kills it and returns when it is dead.
    pub(super) fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it in order, and returns when it has ended.
    pub(super) fn ended(mut self) -> Self {
        self.orders = None;
        let _ = self.child.wait();
        self
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}
