//! A replacement for the task-local frame in the explorer.
//!
//! tokio keeps a task-local in the thread while its task is polled. The explorer runs all tasks in one thread and
//! switches between them in the middle of a poll.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::sync::Arc;

use super::super::nesting::Frame;

shuttle::thread_local! {
    static CURRENT: RefCell<Option<Arc<Frame>>> = RefCell::new(None);
}

pub(in crate::engine) fn current() -> Option<Arc<Frame>> {
    CURRENT.with(|current| current.borrow().clone())
}

pub(in crate::engine) async fn scope<F: Future>(frame: Arc<Frame>, load: F) -> F::Output {
    let mut load = Box::pin(load);
    poll_fn(|context| {
        let outer = CURRENT.with(|current| current.replace(Some(Arc::clone(&frame))));
        let polled = load.as_mut().poll(context);
        CURRENT.with(|current| current.replace(outer));
        polled
    })
    .await
}
