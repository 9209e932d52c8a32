//! The time limits of many waits of the same length, with one timer for all that run at the same time.
//!
//! A timer of the runtime for each look-up costs more than the rest of its bookkeeping. Waits of one length end in the
//! order in which they began, so a queue is enough, and one task that sleeps until the first of them is due.
//!
//! The task runs in the runtime of the waits. A wait in another runtime has another queue: it must not depend on a
//! runtime that is idle or has ended.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep_until};

use super::Clock;

/// How late the timer of the runtime may be: it counts in milliseconds, and so does the system call that waits for it.
const LATENESS: Duration = Duration::from_millis(2);

/// The time limits of waits of the same length.
#[derive(Debug)]
pub(crate) struct Deadlines {
    clock: Clock,
    limit: Duration,
    /// The limit without what the timer may be late.
    sleep: Duration,
    lanes: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    all: Vec<Lane>,
    /// The number of lanes so far.
    count: u64,
}

/// The waits in one runtime.
#[derive(Debug)]
struct Lane {
    /// Differs from that of earlier lanes of the runtime.
    id: u64,
    runtime: Id,
    waits: Waits,
}

/// The waits that have not ended, in the order of their deadlines.
#[derive(Debug, Default)]
struct Waits {
    /// The deadline of each, and what to wake; `None` if it has ended before those in front of it.
    queue: VecDeque<(Instant, Option<Waker>)>,
    /// The number of the first one.
    first: u64,
    /// Whether one has begun since the last look at the queue.
    is_busy: bool,
}

/// A wait in its queue. Dropping it removes the wait.
struct Place<'a> {
    deadlines: &'a Arc<Deadlines>,
    /// The id of the lane, and the number of the wait.
    taken: Option<(u64, u64)>,
}

impl Deadlines {
    pub(crate) fn new(clock: Clock, limit: Duration) -> Arc<Self> {
        let sleep = limit.saturating_sub(LATENESS.min(limit / 4));
        Arc::new(Self { clock, limit, sleep, lanes: Mutex::default() })
    }

    /// Runs `work` for at most the limit; returns `None` if it did not end in time.
    pub(crate) async fn within<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> Option<T> {
        if self.clock.is_manual() {
            // Boxed: only a test has such a clock, and every other wait would be larger.
            return Box::pin(self.clock.timeout(self.limit, work)).await;
        }
        let mut work = pin!(work);
        let mut place = Place { deadlines: self, taken: None };
        let mut deadline = None;
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            let now = Instant::now();
            let deadline = *deadline.get_or_insert_with(|| now + self.sleep);
            if now >= deadline {
                return Poll::Ready(None);
            }
            place.wait(deadline, context);
            Poll::Pending
        })
        .await
    }

    /// Wakes the waits that are due. Returns when to look again, unless none began since the last look.
    fn wake_due(&self, lane: u64) -> Option<Instant> {
        let (mut due, now) = (Vec::new(), Instant::now());
        let mut lanes = self.lock();
        let waits = &mut lanes.find(lane)?.waits;
        let next = waits.take_due(now, &mut due).or_else(|| {
            // The task stays for a while: the next look-up usually follows soon.
            std::mem::take(&mut waits.is_busy).then(|| now + self.sleep)
        });
        if next.is_none() {
            lanes.remove(lane);
        }
        drop(lanes);
        due.into_iter().for_each(Waker::wake);
        next
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn find(&mut self, id: u64) -> Option<&mut Lane> {
        self.all.iter_mut().find(|lane| lane.id == id)
    }

    /// Returns the lane of a runtime, and whether it is a new one, which needs a timer.
    fn of_runtime(&mut self, runtime: Id) -> (&mut Lane, bool) {
        let known = self.all.iter().position(|lane| lane.runtime == runtime);
        let at = known.unwrap_or_else(|| {
            self.count += 1;
            self.all.push(Lane { id: self.count, runtime, waits: Waits::default() });
            self.all.len() - 1
        });
        (&mut self.all[at], known.is_none())
    }

    fn remove(&mut self, id: u64) {
        self.all.retain(|lane| lane.id != id);
    }
}

impl Place<'_> {
    /// Registers the wait, or the waker of this poll.
    fn wait(&mut self, deadline: Instant, context: &Context<'_>) {
        let mut lanes = self.deadlines.lock();
        if let Some((lane, number)) = self.taken
            && let Some(lane) = lanes.find(lane)
            && let Some(waker) = lane.waits.waker(number)
        {
            if !waker.will_wake(context.waker()) {
                let before = std::mem::replace(waker, context.waker().clone());
                // Not under the lock: the last waker of a task drops the task.
                drop(lanes);
                drop(before);
            }
            return;
        }
        let handle = Handle::current();
        let (lane, is_new) = lanes.of_runtime(handle.id());
        let id = lane.id;
        self.taken = Some((id, lane.waits.add(deadline, context.waker().clone())));
        drop(lanes);
        if is_new {
            handle.spawn(Timer { deadlines: Arc::clone(self.deadlines), lane: id }.run());
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some((lane, number)) = self.taken else { return };
        let mut lanes = self.deadlines.lock();
        let waker = lanes.find(lane).and_then(|lane| lane.waits.remove(number));
        // As above.
        drop(lanes);
        drop(waker);
    }
}

/// The task that wakes the waits of one runtime.
struct Timer {
    deadlines: Arc<Deadlines>,
    lane: u64,
}

impl Timer {
    async fn run(self) {
        while let Some(next) = self.deadlines.wake_due(self.lane) {
            sleep_until(next).await;
        }
    }
}

impl Drop for Timer {
    /// Removes the queue, if the runtime ended before it was empty: a wait that goes on elsewhere registers again.
    fn drop(&mut self) {
        self.deadlines.lock().remove(self.lane);
    }
}

impl Waits {
    /// Adds a wait, and returns its number.
    fn add(&mut self, deadline: Instant, waker: Waker) -> u64 {
        self.is_busy = true;
        self.queue.push_back((deadline, Some(waker)));
        self.first + self.queue.len() as u64 - 1
    }

    fn waker(&mut self, number: u64) -> Option<&mut Waker> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.queue.get_mut(at)?.1.as_mut()
    }

    /// Removes a wait, and returns its waker, unless it was due.
    fn remove(&mut self, number: u64) -> Option<Waker> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let removed = self.queue.get_mut(at)?.1.take();
        while self.queue.front().is_some_and(|(_, waker)| waker.is_none()) {
            self.pop();
        }
        removed
    }

    /// Moves the wakers of all that are due to `due`. Returns the next deadline.
    fn take_due(&mut self, now: Instant, due: &mut Vec<Waker>) -> Option<Instant> {
        loop {
            match self.queue.front_mut() {
                Some((deadline, waker)) if *deadline <= now || waker.is_none() => {
                    due.extend(waker.take());
                    self.pop();
                }
                front => return front.map(|(deadline, _)| *deadline),
            }
        }
    }

    fn pop(&mut self) {
        self.queue.pop_front();
        self.first += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn due(waits: &mut Waits, now: Instant) -> (usize, Option<Instant>) {
        let mut due = Vec::new();
        let next = waits.take_due(now, &mut due);
        (due.len(), next)
    }

    #[test]
    fn waits_end_in_their_order() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        for at in [10, 20, 30] {
            waits.add(now + millis(at), Waker::noop().clone());
        }
        assert_eq!(due(&mut waits, now), (0, Some(now + millis(10))));
        assert_eq!(due(&mut waits, now + millis(20)), (2, Some(now + millis(30))));
        assert_eq!(due(&mut waits, now + millis(30)), (1, None));
    }

    #[test]
    fn a_wait_that_has_ended_is_forgotten() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        let numbers: Vec<_> = (1..=4).map(|at| waits.add(now + millis(at), Waker::noop().clone())).collect();
        waits.remove(numbers[1]);
        assert_eq!(waits.queue.len(), 4, "one in front of it has not ended");
        waits.remove(numbers[0]);
        assert_eq!(waits.queue.len(), 2);
        assert!(waits.waker(numbers[0]).is_none() && waits.waker(numbers[2]).is_some());
        assert_eq!(due(&mut waits, now + millis(3)), (1, Some(now + millis(4))));
        waits.remove(numbers[2]);
        assert!(waits.waker(numbers[3]).is_some(), "a wait that was due is not removed twice");
        waits.remove(numbers[3]);
        assert_eq!(due(&mut waits, now), (0, None));
    }

    #[tokio::test]
    async fn a_wait_ends_at_its_limit() {
        for limit in [Duration::ZERO, millis(1), millis(8)] {
            let deadlines = Deadlines::new(Clock::default(), limit);
            assert_eq!(deadlines.within(pending::<()>()).await, None, "{limit:?}");
            assert_eq!(deadlines.within(async { 1 }).await, Some(1), "work that is done is returned");
        }
    }

    #[test]
    fn the_lateness_of_the_timer_is_taken_off() {
        let sleep = |limit| Deadlines::new(Clock::default(), limit).sleep;
        assert_eq!((sleep(millis(50)), sleep(millis(4)), sleep(Duration::ZERO)), (millis(48), millis(3), millis(0)));
    }

    #[tokio::test]
    async fn one_task_serves_all_waits_and_ends() {
        let deadlines = Deadlines::new(Clock::default(), millis(1));
        let waits = (0..100).map(|_| deadlines.within(pending::<()>()));
        futures_util::future::join_all(waits).await;
        assert_eq!(deadlines.lock().all.len(), 1);
        while !deadlines.lock().all.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(deadlines.within(pending::<()>()).await, None, "another one follows");
    }

    /// Fails if a lane is known by its runtime: an earlier timer, or an earlier wait, would end a stranger's.
    #[tokio::test]
    async fn what_is_left_of_an_earlier_lane_touches_no_later_one() {
        let deadlines = Deadlines::new(Clock::default(), millis(60_000));
        let runtime = Handle::current().id();
        let place = |deadlines| Place { deadlines, taken: None };
        let (mut first, mut second) = (place(&deadlines), place(&deadlines));
        let context = Context::from_waker(Waker::noop());
        let later = Instant::now() + millis(60_000);
        first.wait(later, &context);
        let (lane, number) = first.taken.unwrap();
        let timer = Timer { deadlines: Arc::clone(&deadlines), lane };
        deadlines.lock().remove(lane);
        second.wait(later, &context);
        let (lane, other) = second.taken.unwrap();
        assert_eq!(number, other, "the numbers begin again");
        drop(timer);
        drop(first);
        let mut lanes = deadlines.lock();
        assert!(lanes.find(lane).is_some_and(|lane| lane.runtime == runtime && lane.waits.waker(other).is_some()));
    }

    /// A runtime whose tasks nobody runs must not delay the waits in another one.
    #[test]
    fn a_wait_does_not_depend_on_another_runtime() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (idle, live) = (runtime(), runtime());
        let deadlines = Deadlines::new(Clock::default(), millis(8));
        idle.block_on(async {
            let mut wait = Box::pin(deadlines.within(pending::<()>()));
            assert!(futures_util::poll!(&mut wait).is_pending());
        });
        assert_eq!(live.block_on(deadlines.within(pending::<()>())), None);
        drop(idle);
        assert_eq!(live.block_on(deadlines.within(pending::<()>())), None);
    }

    #[tokio::test]
    async fn a_wait_that_moves_wakes_the_task_that_polled_it_last() {
        let deadlines = Deadlines::new(Clock::default(), millis(8));
        let mut wait = Box::pin(deadlines.within(pending::<()>()));
        let woken = [Arc::new(Woken::default()), Arc::new(Woken::default())];
        for woken in &woken {
            let waker = Waker::from(Arc::clone(woken));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        while woken[1].0.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(woken[0].0.load(Ordering::SeqCst), 0);
        assert_eq!(wait.await, None);
    }
}
