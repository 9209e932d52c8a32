//! The backends of apalis-core, whose associated types are those of a supertrait that is polled, and need not be `Send`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use apalis_core::backend::{Backend, FetchById, Update};
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use cache_core::cached_store;

use super::support::{Calls, decorated, worlds};

#[cached_store(foreign = FetchById, namespace = "foreign:tasks", exclusive = clone, mode = strict)]
trait Tasks: Backend
where
    Self::Task: Send,
{
    #[cached(entity = "task", key(task_id), display(task_id), ttl = "5m", negative_ttl = "5m")]
    async fn fetch_by_id(&mut self, task_id: &TaskId) -> Result<Option<Self::Task>, Self::Error>;
}

/// A trait of its own, over the same tasks.
#[cached_store(foreign = Update, namespace = "foreign:tasks", exclusive = clone)]
trait Updates: Backend
where
    Self::Task: Send,
{
    #[invalidates(Tasks::fetch_by_id(..))]
    async fn update(&mut self, task: Self::Task) -> Result<(), Self::Error>;
}

/// The supertrait of a decorator is that of its store.
macro_rules! polls_its_store {
    ($decorator:ident of $foreign:ident) => {
        impl<S: $foreign + Clone> Backend for $decorator<S>
        where
            S::Task: Send,
        {
            type Task = S::Task;
            type Error = S::Error;

            fn poll_ready(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), S::Error>> {
                S::clone(self.backing()).poll_ready(cx, worker)
            }

            fn poll_next(
                &mut self,
                cx: &mut Context<'_>,
                worker: &WorkerContext,
            ) -> Poll<Option<Result<S::Task, S::Error>>> {
                S::clone(self.backing()).poll_next(cx, worker)
            }

            fn poll_close(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), S::Error>> {
                S::clone(self.backing()).poll_close(cx, worker)
            }
        }
    };
}

polls_its_store!(CachingTasks of FetchById);
polls_its_store!(CachingUpdates of Update);

#[derive(Clone, Default)]
struct Table {
    tasks: Arc<Mutex<HashMap<String, String>>>,
    reads: Arc<Calls>,
}

impl Backend for Table {
    /// The id of a task, and its argument.
    type Task = (String, String);
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<(String, String), Infallible>>> {
        Poll::Ready(None)
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl FetchById for Table {
    async fn fetch_by_id(&mut self, id: &TaskId) -> Result<Option<(String, String)>, Infallible> {
        self.reads.add();
        let id = id.to_string();
        Ok(self.tasks.lock().unwrap().get(&id).map(|task| (id, task.clone())))
    }
}

impl Update for Table {
    async fn update(&mut self, (id, task): (String, String)) -> Result<(), Infallible> {
        self.tasks.lock().unwrap().insert(id, task);
        Ok(())
    }
}

#[tokio::test]
async fn tasks_are_read_once_between_two_updates() {
    for caches in worlds().await {
        let table = Table::default();
        let mut tasks = decorated(&caches, |cache| CachingTasks::new(Arc::new(table.clone()), cache)).await;
        let mut updates = decorated(&caches, |cache| CachingUpdates::new(Arc::new(table.clone()), cache)).await;
        let (reader, writer) = (&mut tasks[0], &mut updates[caches.len() - 1]);
        let id = TaskId::from_string("first".to_owned());
        for task in ["one", "two"] {
            let task = ("first".to_owned(), task.to_owned());
            Update::update(writer, task.clone()).await.unwrap();
            for _ in 0..2 {
                assert_eq!(FetchById::fetch_by_id(reader, &id).await.unwrap().as_ref(), Some(&task));
            }
        }
        assert_eq!(table.reads.count(), 2);
    }
}
