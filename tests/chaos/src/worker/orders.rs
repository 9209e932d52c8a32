//! The messages between the coordinator and a worker: words on a pipe.

use std::io::{self, BufRead as _};
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::recorder::Recorder;
use crate::rows::Stopped;

/// An order to a worker, which ends when no order can follow any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Make the operations.
    Go,
    /// Stop making calls.
    Halt,
    /// Stop the next write after its commit, for good.
    Crash,
    /// Read every key once.
    ReadAll,
}

/// The orders, from a thread that waits for them.
pub(super) fn listen() -> UnboundedReceiver<Order> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let order = match line.as_str() {
                "go" => Order::Go,
                "halt" => Order::Halt,
                "crash" => Order::Crash,
                "read all" => Order::ReadAll,
                _ => break,
            };
            if sender.send(order).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Sends a word to the coordinator, if it still exists.
pub(super) fn send(word: &str) {
    println!("{word}");
}

/// Saves the lines, and reports that a writer has stopped after its commit.
#[derive(Debug)]
pub(super) struct StopSignal(pub(super) Arc<Recorder>);

impl Stopped for StopSignal {
    fn stopped(&self) {
        self.0.flush();
        send("stopped");
    }
}
