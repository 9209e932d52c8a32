//! Fills, in as few pipelines as possible: those that are due at the same time share one (`combine`).

use std::sync::Arc;

use futures_util::future::join_all;
use redis::Cmd;
use redis::aio::MultiplexedConnection;

use super::calls::{call, millis};
use super::combine::{Admission, Group, Queue, Waiting};
use super::drivers::{Combined, Drivers, may_be_of_one};
use super::operations::run;
use crate::protocol::{Fill, GENERATION_TTL, TierError};

/// The size from which fills do not share a pipeline with others, which would wait for them.
const LARGE: usize = 64 * 1024;

/// The fills of one connection.
pub(super) struct Fills {
    shared: Arc<Shared>,
    drivers: Drivers,
}

struct Shared {
    connection: MultiplexedConnection,
    /// The hash of the script that renews a generation.
    renew: String,
    queue: Queue<Vec<Cmd>, Answer>,
}

type Answer = Result<(), TierError>;

impl Fills {
    /// Starts the drivers, which end with this value.
    pub(super) fn new(connection: MultiplexedConnection, renew: String) -> Self {
        let shared = Arc::new(Shared { connection, renew, queue: Queue::default() });
        Self { drivers: Drivers::start(&shared), shared }
    }

    /// Stores entries, and renews generations.
    pub(super) async fn store(&self, fills: Vec<Fill<'_>>) -> Answer {
        let size = fills.iter().map(|fill| fill.bytes.len()).sum();
        let mut commands = self.shared.commands(fills);
        if size >= LARGE {
            return self.shared.send(commands).await;
        }
        match self.shared.queue.admit(size, || std::mem::take(&mut commands)) {
            Admission::Alone(_turn) => self.shared.send(commands).await,
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

impl Combined for Shared {
    type Request = Vec<Cmd>;
    type Answer = Answer;

    fn queue(&self) -> &Queue<Vec<Cmd>, Answer> {
        &self.queue
    }

    async fn answer(&self, Group { mut members, turn }: Group<'_, Vec<Cmd>, Answer>) {
        let sent = self.send(members.iter().flat_map(|one| one.request.clone())).await;
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

impl Shared {
    async fn answer_alone(&self, Waiting { request, answer, .. }: Waiting<Vec<Cmd>, Answer>) {
        drop(answer.send(self.send(request).await));
    }

    fn commands(&self, fills: Vec<Fill<'_>>) -> Vec<Cmd> {
        let mut commands = Vec::with_capacity(fills.len());
        for fill in fills {
            let mut cmd = redis::cmd("SET");
            cmd.arg(fill.entry).arg(fill.bytes).arg("PX").arg(millis(fill.ttl));
            commands.push(cmd);
            for (key, token) in fill.renew {
                let mut cmd = call(&self.renew, &[key]);
                cmd.arg(token.as_bytes()).arg(millis(GENERATION_TTL));
                commands.push(cmd);
            }
        }
        commands
    }

    async fn send(&self, commands: impl IntoIterator<Item = Cmd>) -> Answer {
        let mut pipeline = redis::pipe();
        for command in commands {
            pipeline.add_command(command).ignore();
        }
        run(&self.connection, &pipeline).await
    }
}
