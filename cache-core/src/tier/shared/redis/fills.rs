//! Fills, in as few pipelines as possible: those that are due at the same time share one (`combine`).

use std::sync::Arc;

use futures_util::future::join_all;

use super::call::Call;
use super::calls::fill_calls;
use super::combine::{Admission, Group, Queue, Waiting};
use super::drivers::{Combined, Drivers, may_be_of_one};
use super::operations::accepted;
use super::transport::Transport;
use crate::protocol::{Fill, TierError};

/// The size from which fills do not share a pipeline with others, which would wait for them.
const LARGE: usize = 64 * 1024;

/// The fills of one connection.
pub(super) struct Fills<T> {
    shared: Arc<Shared<T>>,
    drivers: Drivers,
}

struct Shared<T> {
    transport: Arc<T>,
    queue: Queue<Vec<Call>, Answer>,
}

type Answer = Result<(), TierError>;

impl<T: Transport> Fills<T> {
    /// Starts the drivers, which end with this value.
    pub(super) fn new(transport: Arc<T>) -> Self {
        let shared = Arc::new(Shared { transport, queue: Queue::default() });
        Self { drivers: Drivers::start(&shared), shared }
    }

    /// Stores entries, and renews generations.
    pub(super) async fn store(&self, fills: Vec<Fill<'_>>) -> Answer {
        let size = fills.iter().map(|fill| fill.bytes.len()).sum();
        let mut calls: Vec<Call> = fills.into_iter().flat_map(fill_calls).collect();
        if size >= LARGE {
            return self.shared.send(&calls).await;
        }
        match self.shared.queue.admit(size, || std::mem::take(&mut calls)) {
            Admission::Alone(_turn) => self.shared.send(&calls).await,
            Admission::Queued(answer) => {
                answer.await.unwrap_or_else(|_| Err(TierError::disconnected("the connection was closed")))
            }
        }
    }

    /// Fails what is queued.
    pub(super) fn close(&self) {
        self.shared.queue.close();
        self.drivers.close();
    }
}

impl<T: Transport> Combined for Shared<T> {
    type Request = Vec<Call>;
    type Answer = Answer;

    fn queue(&self) -> &Queue<Vec<Call>, Answer> {
        &self.queue
    }

    async fn answer(&self, Group { mut members, turn }: Group<'_, Vec<Call>, Answer>) {
        let calls: Vec<Call> = members.iter().flat_map(|one| one.request.iter().cloned()).collect();
        let sent = self.send(&calls).await;
        match sent {
            // One entry may be the reason. To store the others once more changes nothing.
            Err(error) if may_be_of_one(&error) && members.len() > 1 => {
                join_all(members.into_iter().map(|one| self.answer_alone(one))).await;
            }
            sent => {
                drop(turn);
                members.drain(..).for_each(|one| drop(one.answer.send(sent.clone())));
            }
        }
    }
}

impl<T: Transport> Shared<T> {
    async fn answer_alone(&self, Waiting { request, answer, .. }: Waiting<Vec<Call>, Answer>) {
        drop(answer.send(self.send(&request).await));
    }

    async fn send(&self, calls: &[Call]) -> Answer {
        accepted(self.transport.execute(calls).await?).map(drop)
    }
}
