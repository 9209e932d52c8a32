//! The write path: intent, the store, release.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::news::{News, advance, bump, told, wait_out_the_lease};
use super::witness;
use crate::cache::Cache;
use crate::coherence::Scope;
use crate::policy::Mode;
use crate::runtime::chance;
use crate::session;

/// What is known of a write after the store was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It was applied.
    Written,
    /// It was certainly not applied.
    NotWritten,
    /// Nobody knows: the connection was lost, or time ran out.
    Unknown,
}

/// A write in progress: its scopes are locked in the shared tier, so that nothing fills what it is about to change.
///
/// Dropped without [`finish`](Self::finish), the outcome counts as unknown: the locks stay until they expire.
#[derive(Debug)]
#[must_use = "a write that is not finished leaves its scopes locked until the locks expire"]
pub struct WriteGuard {
    cache: Cache,
    scopes: Vec<Scope>,
    methods: Vec<Scope>,
    token: String,
    /// Whether the shared tier has the locks.
    placed: bool,
    /// Whether nothing is left to do when this is dropped.
    settled: bool,
}

impl WriteGuard {
    /// Announces a write of these scopes. It must be awaited before the store is called.
    ///
    /// It waits for the shared tier no longer than the write timeout. Where that cannot be told, the scopes are
    /// remembered, and told when it is back.
    pub async fn begin(cache: &Cache, scopes: Vec<Scope>, methods: Vec<Scope>) -> Self {
        let token = writer_token(cache);
        let mut write = Self { cache: cache.clone(), scopes, methods, token, placed: false, settled: false };
        write.advance();
        write.placed = write.place().await;
        witness::announced(write.placed);
        if !write.placed {
            write.remember();
        }
        write
    }

    /// Ends the write: this instance forgets what it had, and the locks are released unless the outcome is unknown. The
    /// scopes in `found` are invalidated.
    ///
    /// How long it waits is said by the strongest mode of the scopes. The release is finished by a task of its own, even
    /// when this call is dropped.
    pub async fn finish(mut self, outcome: WriteOutcome, mut found: Vec<Scope>) {
        found.retain(|scope| !self.scopes.contains(scope));
        self.advance();
        if outcome == WriteOutcome::Unknown {
            found.append(&mut self.methods);
            drop(self.invalidate(found));
            return;
        }
        self.settled = true;
        let invalidated = self.invalidate(found);
        let (cache, scopes) = (self.cache.clone(), self.scopes.clone());
        let heard = self.end(Scope::strongest_mode(&scopes)).await;
        // An error means that the runtime is shutting down.
        drop(invalidated.await);
        if outcome == WriteOutcome::Written {
            session::note(&cache, &scopes, heard);
        }
    }

    /// Ends a write that the caller has committed.
    pub async fn committed(self) {
        let methods = self.methods.clone();
        self.finish(WriteOutcome::Written, methods).await;
    }

    /// Ends a write that certainly did not happen.
    pub async fn rolled_back(self) {
        self.finish(WriteOutcome::NotWritten, Vec::new()).await;
    }

    /// Invalidates scopes in a task of its own.
    fn invalidate(&self, scopes: Vec<Scope>) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        let (cache, tasks) = (self.cache.clone(), self.cache.0.tasks.clone());
        advance(&cache, &scopes);
        tasks.spawn(async move {
            if !scopes.is_empty() {
                bump(&cache, scopes).await;
            }
            // The writer may be gone.
            let _ = tell.send(());
        });
        told
    }

    /// Releases the locks, and waits for what the mode says. Says whether the shared tier knows of the write.
    async fn end(self, mode: Mode) -> bool {
        if !self.has_remote() {
            return true;
        }
        match mode {
            Mode::Fast => self.release_behind(),
            Mode::Safe => self.released().await,
            Mode::Strict => {
                let cache = self.cache.clone();
                let released = self.released().await;
                wait_out_the_lease(&cache).await;
                released
            }
        }
    }

    /// Releases the locks, and waits for that. Says whether the shared tier has heard it.
    async fn released(self) -> bool {
        let (tell, told) = oneshot::channel();
        let tasks = self.cache.0.tasks.clone();
        tasks.spawn(async move {
            let released = self.release().await;
            // A read that began since the first advance may have put what a lost lock had let in into the local tier.
            self.advance();
            // The writer may be gone.
            let _ = tell.send(released);
        });
        // An error means that the runtime is shutting down.
        let released = told.await.unwrap_or(false);
        witness::released(released);
        released
    }

    /// Releases the locks while the caller goes on. Until then the journal has the scopes: where the lock was lost, an old
    /// value may be in the shared tier, and this instance must not take it from there. Nor may a read keep it that has
    /// looked into the journal already: hence the advance after it, which the model in `tests/model` asked for. Says whether
    /// the shared tier has the locks.
    fn release_behind(self) -> bool {
        let placed = self.placed;
        let noted = self.cache.0.link.journal.add(&self.scopes);
        self.advance();
        let tasks = self.cache.0.tasks.clone();
        tasks.spawn(async move {
            if told(&self.cache, &self.scopes, News::Release { token: &self.token }).await {
                self.advance();
                self.cache.0.link.journal.forget(&self.scopes, noted);
            }
        });
        placed
    }

    fn has_remote(&self) -> bool {
        self.cache.has_remote()
    }

    /// Ends the life of this instance's local entries, and keeps fills that are under way out.
    fn advance(&self) {
        #[cfg(feature = "testing")]
        if self.cache.0.link.settings.weakness == crate::testing::Weakness::NoLocalAdvance {
            return;
        }
        advance(&self.cache, &self.scopes);
    }

    async fn place(&self) -> bool {
        #[cfg(feature = "testing")]
        if self.cache.0.link.lacks(crate::testing::Weakness::NoIntent) {
            return true;
        }
        let hold = self.cache.0.link.settings.lock;
        let news = News::Intent { token: &self.token, hold };
        !self.has_remote() || told(&self.cache, &self.scopes, news).await
    }

    /// Whether the shared tier was told. If not, it will be.
    async fn release(&self) -> bool {
        #[cfg(feature = "testing")]
        if self.cache.0.link.lacks(crate::testing::Weakness::IgnoreLostLock) && self.has_lost_its_lock().await {
            return true;
        }
        let told = told(&self.cache, &self.scopes, News::Release { token: &self.token }).await;
        if !told {
            self.remember();
        }
        told
    }

    fn remember(&self) {
        #[cfg(feature = "testing")]
        if self.cache.0.link.lacks(crate::testing::Weakness::NoJournal) {
            return;
        }
        self.cache.0.link.journal.add(&self.scopes);
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        #[cfg(feature = "testing")]
        self.release_unknown();
        if self.placed && self.has_remote() {
            self.advance();
            return;
        }
        // Remembered first: what is read between the two is not kept.
        if self.has_remote() {
            self.remember();
        }
        self.advance();
        self.repeat_later();
    }
}

impl WriteGuard {
    /// The store may still apply the write, for as long as a lock would have lived: what was read until then is
    /// forgotten once more.
    fn repeat_later(&mut self) {
        // Outside of a runtime nothing can wait; the entries' time to live is the bound then.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let link = Arc::clone(&self.cache.0.link);
        let (scopes, has_remote) = (std::mem::take(&mut self.scopes), self.has_remote());
        self.cache.0.tasks.spawn_daemon(async move {
            link.clock.sleep(link.settings.lock).await;
            if has_remote {
                link.journal.add(&scopes);
            }
            for scope in &scopes {
                link.gate.advance(scope);
            }
        });
    }
}

/// What negative controls do.
#[cfg(feature = "testing")]
impl WriteGuard {
    /// Releases although nobody knows whether the write happens.
    fn release_unknown(&self) {
        if !self.cache.0.link.lacks(crate::testing::Weakness::ReleaseUnknown) {
            return;
        }
        let (cache, scopes, token) = (self.cache.clone(), self.scopes.clone(), self.token.clone());
        self.cache.0.tasks.spawn(async move { told(&cache, &scopes, News::Release { token: &token }).await });
    }

    async fn has_lost_its_lock(&self) -> bool {
        let Some(live) = self.cache.0.link.live() else { return false };
        let gens: Vec<&str> = self.scopes.iter().map(Scope::gen_key).collect();
        let found = live.session.read(&[], &gens).await;
        found.is_ok_and(|found| !found.gens.contains(&crate::coherence::GenState::Locked))
    }
}

#[cfg(not(feature = "testing"))]
fn writer_token(_: &Cache) -> String {
    chance::token_text()
}

/// A token of this writer's own; for a negative control, one that all writers share.
#[cfg(feature = "testing")]
fn writer_token(cache: &Cache) -> String {
    match cache.0.link.settings.weakness {
        crate::testing::Weakness::OneToken => "shared".to_owned(),
        _ => chance::token_text(),
    }
}
