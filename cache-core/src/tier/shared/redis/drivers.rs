//! The tasks that send the common commands of a connection.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use super::combine::{Group, Queue};
use crate::protocol::{TierError, TierErrorKind};

/// The number of drivers of one kind of request, which is the number of its common commands in flight.
const DRIVERS: usize = 2;

/// A kind of request of which several may share a command.
pub(super) trait Combined: Send + Sync + 'static {
    type Request: Send;
    type Answer: Send;

    fn queue(&self) -> &Queue<Self::Request, Self::Answer>;

    /// Sends a group as one command, and answers its members.
    fn answer(&self, group: Group<'_, Self::Request, Self::Answer>) -> impl Future<Output = ()> + Send;
}

/// The drivers of one kind of request, which end with this value.
pub(super) struct Drivers(Vec<AbortOnDropHandle<()>>);

impl Drivers {
    pub(super) fn start<C: Combined>(combined: &Arc<C>) -> Self {
        let driver = |_| AbortOnDropHandle::new(tokio::spawn(Driver(Arc::clone(combined)).run()));
        Self((0..DRIVERS).map(driver).collect())
    }

    /// Ends the drivers.
    pub(super) fn close(&self) {
        self.0.iter().for_each(AbortOnDropHandle::abort);
    }
}

/// Whether the error of a common command may be that of one of its requests, so that each is sent alone.
pub(super) fn may_be_of_one(error: &TierError) -> bool {
    matches!(error.kind(), TierErrorKind::Refused | TierErrorKind::Protocol)
}

struct Driver<C: Combined>(Arc<C>);

impl<C: Combined> Driver<C> {
    async fn run(self) {
        loop {
            let group = self.0.queue().next().await;
            self.0.answer(group).await;
        }
    }
}

impl<C: Combined> Drop for Driver<C> {
    fn drop(&mut self) {
        self.0.queue().close();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot::error::TryRecvError;

    use super::super::combine::Admission;
    use super::*;

    #[derive(Default)]
    struct NeverAnswered(Queue<u32, u32>);

    impl Combined for NeverAnswered {
        type Request = u32;
        type Answer = u32;

        fn queue(&self) -> &Queue<u32, u32> {
            &self.0
        }

        async fn answer(&self, _: Group<'_, u32, u32>) {
            pending::<()>().await;
        }
    }

    #[tokio::test]
    async fn the_end_of_the_drivers_is_the_end_of_the_queue() {
        let combined = Arc::new(NeverAnswered::default());
        let drivers = Drivers::start(&combined);
        let mut alone = Vec::new();
        let mut answer = loop {
            match combined.queue().admit(1, || 1) {
                Admission::Alone(turn) => alone.push(turn),
                Admission::Queued(answer) => break answer,
            }
        };
        drivers.close();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(answer.try_recv(), Err(TryRecvError::Closed));
        assert!(matches!(combined.queue().admit(1, || 1), Admission::Alone(_)));
    }
}
