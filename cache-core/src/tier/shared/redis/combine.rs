//! Combines requests that wait at the same time: the queue, without I/O.
//!
//! A request is sent at once by its caller while fewer than [`AT_ONCE`] commands are in flight. Otherwise it is queued,
//! and the next command takes the whole queue. The commands of the queue are sent by drivers (`drivers`), which are
//! tasks of the connection and depend on no caller: one that is dropped or not polled neither loses nor delays others.

use std::collections::VecDeque;

use tokio::sync::{Notify, oneshot};

use crate::runtime::sync::{Mutex, MutexGuard, PoisonError};

/// The number of commands in flight from which requests are queued.
const AT_ONCE: usize = 2;
/// The most requests of one command: the server handles no other command meanwhile.
const MAX_REQUESTS: usize = 256;
/// The most bytes to send or to expect in one command: they delay everything behind them.
const MAX_BYTES: usize = 256 * 1024;
/// From this many queued requests on, those whose callers have gone away are removed before the queue grows.
const CROWD: usize = 1024;

/// The requests of one connection that wait for a command.
#[derive(Debug)]
pub(super) struct Queue<Q, A> {
    state: Mutex<State<Q, A>>,
    added: Notify,
}

#[derive(Debug)]
struct State<Q, A> {
    /// The number of commands in flight.
    in_flight: usize,
    waiting: VecDeque<Waiting<Q, A>>,
    /// The length of the queue at which it is cleared of abandoned requests.
    crowd: usize,
    /// Whether no driver is left.
    closed: bool,
}

/// A queued request.
#[derive(Debug)]
pub(super) struct Waiting<Q, A> {
    pub(super) request: Q,
    /// The bytes to send or to expect.
    size: usize,
    pub(super) answer: oneshot::Sender<A>,
}

/// What a request has to do.
pub(super) enum Admission<'a, Q, A> {
    /// Send a command of its own, and hold the turn until it ends.
    Alone(Turn<'a, Q, A>),
    /// Wait for the answer of a common command. An error means that the connection has ended.
    Queued(oneshot::Receiver<A>),
}

/// One command in flight.
pub(super) struct Turn<'a, Q, A>(&'a Queue<Q, A>);

impl<Q, A> Drop for Turn<'_, Q, A> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

/// The requests of one command.
pub(super) struct Group<'a, Q, A> {
    pub(super) members: Vec<Waiting<Q, A>>,
    pub(super) turn: Turn<'a, Q, A>,
}

impl<Q, A> Default for Queue<Q, A> {
    fn default() -> Self {
        let state = State { in_flight: 0, waiting: VecDeque::new(), crowd: CROWD, closed: false };
        Self { state: Mutex::new(state), added: Notify::new() }
    }
}

impl<Q, A> Queue<Q, A> {
    /// Admits a request, which `request` returns if it is queued.
    pub(super) fn admit(&self, size: usize, request: impl FnOnce() -> Q) -> Admission<'_, Q, A> {
        let mut state = self.lock();
        if state.closed || (state.in_flight < AT_ONCE && state.waiting.is_empty()) {
            state.in_flight += 1;
            return Admission::Alone(Turn(self));
        }
        if state.waiting.len() >= state.crowd {
            state.waiting.retain(|waiting| !waiting.answer.is_closed());
            state.crowd = CROWD.max(2 * state.waiting.len());
        }
        let (answer, answered) = oneshot::channel();
        state.waiting.push_back(Waiting { request: request(), size, answer });
        let is_first = state.waiting.len() == 1;
        drop(state);
        if is_first {
            self.added.notify_one();
        }
        Admission::Queued(answered)
    }

    /// Waits for requests, and takes as many as fit into one command.
    pub(super) async fn next(&self) -> Group<'_, Q, A> {
        loop {
            if let Some(group) = self.take() {
                return group;
            }
            // A request that was added since leaves a permit.
            self.added.notified().await;
        }
    }

    fn take(&self) -> Option<Group<'_, Q, A>> {
        let mut state = self.lock();
        let (mut members, mut size) = (Vec::new(), 0);
        while let Some(waiting) = state.waiting.pop_front() {
            if waiting.answer.is_closed() {
                continue;
            }
            if members.len() >= MAX_REQUESTS || (size + waiting.size > MAX_BYTES && !members.is_empty()) {
                state.waiting.push_front(waiting);
                // For another driver.
                self.added.notify_one();
                break;
            }
            size += waiting.size;
            members.push(waiting);
        }
        if members.is_empty() {
            return None;
        }
        state.in_flight += 1;
        Some(Group { members, turn: Turn(self) })
    }

    /// Drops the queue, and admits every request alone from now on: no driver is left.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    type Numbers = Queue<u32, u32>;

    fn alone(queue: &Numbers) -> Turn<'_, u32, u32> {
        match queue.admit(1, || panic!("a look-up that is sent at once is not copied")) {
            Admission::Alone(turn) => turn,
            Admission::Queued(_) => panic!("expected to be sent at once"),
        }
    }

    fn queued(queue: &Numbers, look_up: u32, size: usize) -> oneshot::Receiver<u32> {
        match queue.admit(size, || look_up) {
            Admission::Queued(answer) => answer,
            Admission::Alone(_) => panic!("expected to be queued"),
        }
    }

    fn full(queue: &Numbers) -> Vec<Turn<'_, u32, u32>> {
        (0..AT_ONCE).map(|_| alone(queue)).collect()
    }

    fn members(group: &Group<'_, u32, u32>) -> Vec<u32> {
        group.members.iter().map(|waiting| waiting.request).collect()
    }

    #[test]
    fn a_lone_look_up_is_sent_at_once() {
        let queue = Numbers::default();
        for _ in 0..3 {
            drop(alone(&queue));
        }
        assert!(queue.take().is_none());
    }

    #[test]
    fn one_command_takes_what_has_waited() {
        let queue = Numbers::default();
        let turns = full(&queue);
        let answers: Vec<_> = (0..5).map(|number| queued(&queue, number, 1)).collect();
        let group = queue.take().unwrap();
        assert_eq!(members(&group), [0, 1, 2, 3, 4]);
        drop(turns);
        let Group { members, turn } = group;
        for waiting in members {
            waiting.answer.send(10 * waiting.request).unwrap();
        }
        drop(turn);
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.now_or_never().unwrap().unwrap()).collect();
        assert_eq!(answers, [0, 10, 20, 30, 40]);
        drop(alone(&queue));
    }

    #[test]
    fn a_common_command_counts_as_one_in_flight() {
        let queue = Numbers::default();
        let mut turns = full(&queue);
        let _answer = queued(&queue, 0, 1);
        let group = queue.take().unwrap();
        turns.pop();
        let _other = queued(&queue, 1, 1);
        drop(queue.take().unwrap());
        drop(group);
        drop(alone(&queue));
    }

    #[test]
    fn a_look_up_does_not_overtake_those_that_wait() {
        let queue = Numbers::default();
        let turns = full(&queue);
        let _first = queued(&queue, 0, 1);
        drop(turns);
        let _second = queued(&queue, 1, 1);
        assert_eq!(members(&queue.take().unwrap()), [0, 1]);
    }

    #[test]
    fn a_dropped_caller_frees_its_turn() {
        let queue = Numbers::default();
        let mut turns = full(&queue);
        drop(turns.pop());
        drop(alone(&queue));
    }

    #[test]
    fn an_abandoned_look_up_is_not_sent() {
        let queue = Numbers::default();
        let _turns = full(&queue);
        let (_first, second, _third) = (queued(&queue, 1, 1), queued(&queue, 2, 1), queued(&queue, 3, 1));
        drop(second);
        assert_eq!(members(&queue.take().unwrap()), [1, 3]);
        drop(queued(&queue, 4, 1));
        assert!(queue.take().is_none());
    }

    #[test]
    fn a_command_is_bounded_by_look_ups_and_by_bytes() {
        let queue = Numbers::default();
        let _turns = full(&queue);
        let many: Vec<_> = (0..=u32::try_from(MAX_REQUESTS).unwrap()).map(|number| queued(&queue, number, 1)).collect();
        assert_eq!((queue.take().unwrap().members.len(), queue.take().unwrap().members.len()), (MAX_REQUESTS, 1));
        drop(many);
        let _large = [queued(&queue, 1, MAX_BYTES / 2), queued(&queue, 2, MAX_BYTES), queued(&queue, 3, 2 * MAX_BYTES)];
        for look_up in 1..=3 {
            assert_eq!(members(&queue.take().unwrap()), [look_up]);
        }
    }

    #[tokio::test]
    async fn a_driver_is_woken_for_what_another_one_left() {
        let queue = Numbers::default();
        let _turns = full(&queue);
        let mut first = Box::pin(queue.next());
        let mut second = Box::pin(queue.next());
        assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
        let _large = [queued(&queue, 1, MAX_BYTES), queued(&queue, 2, MAX_BYTES)];
        assert_eq!(members(&first.await), [1]);
        assert_eq!(members(&second.now_or_never().expect("it was woken")), [2]);
    }

    #[test]
    fn the_queue_does_not_keep_what_was_abandoned() {
        let queue = Numbers::default();
        let _turns = full(&queue);
        for number in 0..10 * u32::try_from(CROWD).unwrap() {
            drop(queued(&queue, number, 1));
        }
        assert!(queue.lock().waiting.len() <= CROWD);
    }

    #[test]
    fn without_drivers_nothing_waits() {
        let queue = Numbers::default();
        let _turns = full(&queue);
        let answer = queued(&queue, 1, 1);
        queue.close();
        assert!(answer.now_or_never().unwrap().is_err());
        drop(alone(&queue));
    }
}
