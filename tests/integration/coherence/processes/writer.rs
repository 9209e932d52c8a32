//! The writer process, and a handle for it.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Lines, Write, stdin};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cache_core::testing::{Operation, Protection};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqlitePoolOptions;
use stores::policy::{PolicyStore, PostgresPolicyStore, SqlitePolicyStore, TenantPolicy};
use stores::{Page, PageRequest, StoreError, TenantId};

use super::super::policies::{Policies, without};
use super::super::sync_points::until;
use crate::stores::fixtures;

/// The test that runs as the process.
const WRITER: &str = "coherence::processes::writer::writes_on_command";
const STOPPED: &str = "stopped at its step";
const DONE: &str = "acknowledged";

/// The point where the process stops and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// Before the write lock.
    BeforeLock,
    /// The lock is placed; the store has not been called.
    BeforeCommit,
    /// The store has committed.
    AfterCommit,
    /// The release is on its way.
    BeforeRelease,
}

/// A protection that is disabled in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Disabled {
    Nothing,
    WriteLock,
    LossOfLock,
}

/// The instructions for the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) redis: String,
    pub(super) database: String,
    pub(super) tenant: String,
    pub(super) model: String,
    pub(super) step: Step,
    pub(super) disabled: Disabled,
    pub(super) lock: Duration,
    pub(super) lease: Duration,
}

/// The process, which ends when this value is dropped.
pub(super) struct Writer {
    child: Child,
    orders: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    /// Starts the process, and waits until it has stopped at its step.
    pub(super) fn stopped_at_its_step(order: &Order) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", WRITER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut orders = child.stdin.take().unwrap();
        writeln!(orders, "{}", serde_json::to_string(order).unwrap()).unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut writer = Self { child, orders, output };
        writer.wait_for(STOPPED);
        writer
    }

    /// Ends the process as a crash would (SIGKILL).
    pub(super) fn kill(mut self) {
        self.end();
    }

    /// Suspends the process (SIGSTOP), as a suspended machine would.
    pub(super) fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes the process, also after [`suspend`](Self::suspend), and waits until its write is acknowledged.
    pub(super) fn resume_until_done(mut self) -> Self {
        writeln!(self.orders, "go on").unwrap();
        self.signal(Signal::CONT);
        self.wait_for(DONE);
        self
    }

    fn wait_for(&mut self, word: &str) {
        let found =
            tokio::task::block_in_place(|| self.output.by_ref().map_while(Result::ok).any(|line| line.contains(word)));
        assert!(found, "the process ended before it was {word}");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child that was not waited for takes a signal");
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

/// A store that stops before or after a write.
struct Stopping<S> {
    inner: S,
    step: Step,
}

#[async_trait]
impl<S: PolicyStore> PolicyStore for Stopping<S> {
    async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError> {
        self.inner.get_policy(tenant).await
    }

    async fn get_policies(&self, tenants: &[TenantId]) -> Result<HashMap<TenantId, Arc<TenantPolicy>>, StoreError> {
        self.inner.get_policies(tenants).await
    }

    async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError> {
        if self.step == Step::BeforeCommit {
            wait_here().await;
        }
        self.inner.set_policy(policy).await?;
        if self.step == Step::AfterCommit {
            wait_here().await;
        }
        Ok(())
    }

    async fn delete_policy(&self, tenant: TenantId) -> Result<bool, StoreError> {
        self.inner.delete_policy(tenant).await
    }

    async fn count_policies(&self) -> Result<u64, StoreError> {
        self.inner.count_policies().await
    }

    async fn list_policies(&self, page: &PageRequest) -> Result<Page<Arc<TenantPolicy>>, StoreError> {
        self.inner.list_policies(page).await
    }
}

/// Reports that the process has stopped, and waits for the order to resume.
async fn wait_here() {
    println!("{STOPPED}");
    let order = tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new())).await;
    assert!(order.unwrap().unwrap() > 0, "the test process has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process of the other tests in this folder; it takes its orders from them"]
async fn writes_on_command() {
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    let order: Order = serde_json::from_str(&line).unwrap();
    let _cache = if order.database.starts_with("sqlite:") {
        let pool = SqlitePoolOptions::new().connect(&order.database).await.unwrap();
        write(order, SqlitePolicyStore::new(pool)).await.cache
    } else {
        let pool = fixtures::pool(&order.database).await;
        write(order, PostgresPolicyStore::new(pool)).await.cache
    };
    println!("{DONE}");
    // The process delivers pending invalidations as long as it lives.
    tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new())).await.unwrap().unwrap();
}

/// Writes as ordered; returns the instance.
async fn write<S: PolicyStore + 'static>(order: Order, inner: S) -> Policies<Stopping<S>> {
    let disabled = match order.disabled {
        Disabled::Nothing => None,
        Disabled::WriteLock => Some(Protection::WriteLock),
        Disabled::LossOfLock => Some(Protection::LostLock),
    };
    let builder = without(disabled).write_lock_ttl(order.lock).lease(order.lease);
    let instance = Policies::build(&order.redis, Stopping { inner, step: order.step }, builder).await;
    let policy = TenantPolicy::new(order.tenant.parse().unwrap(), order.model, "local");
    let held = match order.step {
        Step::BeforeLock => Some(Operation::Lock),
        Step::BeforeRelease => Some(Operation::Release),
        Step::BeforeCommit | Step::AfterCommit => None,
    };
    let store = Arc::clone(&instance.store);
    if let Some(operation) = held {
        instance.chaos.hold(operation);
        let write = tokio::spawn(async move { store.set_policy(&policy).await.unwrap() });
        until("it is on its way", || instance.chaos.begun(operation) == 1).await;
        wait_here().await;
        instance.chaos.release(operation);
        write.await.unwrap();
    } else {
        store.set_policy(&policy).await.unwrap();
    }
    instance
}
