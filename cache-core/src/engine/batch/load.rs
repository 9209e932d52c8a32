//! One call of the store for many keys.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, select_all};
use tokio::sync::oneshot;

use super::super::fill::LateFill;
use super::super::load::{Answer, Call, Flying};
use super::super::nesting::Frame;
use super::super::region::Region;
use super::super::terms::LoadErrors;
use super::{BatchMap, Slot};
use crate::flight::Stage;
use crate::key::KeyPart;
use crate::value::Cacheable;

/// Keys with their values.
pub(super) type Pairs<K, R> = Vec<(K, R)>;

type Load<K, R, E> = dyn Fn(Vec<K>) -> BoxFuture<'static, Result<Pairs<K, R>, E>> + Send + Sync;

/// The store's method over many keys. It returns values for the keys that it knows.
pub(super) struct LoadMany<K, R, E>(Arc<Load<K, R, E>>);

impl<K, R, E> Clone for LoadMany<K, R, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: KeyPart, R: Cacheable, E: Send + 'static> LoadMany<K, R, E> {
    pub(super) fn new<T, M, F, Fut>(part: fn(&K) -> &T, load: F) -> Self
    where
        T: Clone + Eq + Hash + Send + Sync + 'static,
        M: BatchMap<T>,
        R: Slot<M::Value>,
        F: Fn(Vec<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<M, E>> + Send + 'static,
    {
        let load = Arc::new(load);
        Self(Arc::new(move |keys: Vec<K>| {
            let load = Arc::clone(&load);
            Box::pin(async move {
                let parts = keys.iter().map(|key| part(key).clone()).collect();
                let found = load(parts).await?.into_pairs().collect();
                Ok(paired(keys, part, found))
            })
        }))
    }

    pub(super) async fn call(&self, keys: Vec<K>) -> Result<Pairs<K, R>, E> {
        (self.0)(keys).await
    }
}

fn paired<K, R: Slot<V>, T: Eq + Hash, V>(
    keys: Vec<K>,
    part: fn(&K) -> &T,
    mut found: HashMap<T, V, RandomState>,
) -> Pairs<K, R> {
    let value = |key: K| {
        let value = R::of_found(found.remove(part(&key)))?;
        Some((key, value))
    };
    keys.into_iter().filter_map(value).collect()
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Calls the store in a task, and ends the flights even if the caller is dropped.
    pub(super) async fn load_all<E: Send + 'static>(
        &self,
        flying: Vec<Flying<K, R>>,
        errors: LoadErrors<E>,
        load: LoadMany<K, R, E>,
    ) -> Result<Pairs<K, R>, E> {
        for one in &flying {
            one.lead.loads(Stage::LoadingInTask);
        }
        let (tell, told) = oneshot::channel();
        let (region, frame) = (self.clone(), self.frame(&flying));
        self.0.cache.0.tasks.spawn(async move {
            let (answer, fills) = region.perform_all(flying, frame, errors, load).await;
            // The caller may have been dropped; the flights have ended for their followers.
            let _ = tell.send(answer);
            LateFill::store_all(fills, &region).await;
        });
        self.told_by_task(told, errors).await.unwrap()
    }

    /// Creates the frame of a load of these keys, inside the current load if there is one.
    fn frame(&self, flying: &[Flying<K, R>]) -> Arc<Frame> {
        let (keys, flights) = flying.iter().map(|one| (one.key.clone(), one.lead.id())).unzip();
        Frame::new(self.address(), keys, flights)
    }

    async fn perform_all<E: Send + 'static>(
        &self,
        flying: Vec<Flying<K, R>>,
        frame: Arc<Frame>,
        errors: LoadErrors<E>,
        load: LoadMany<K, R, E>,
    ) -> (Answer<Pairs<K, R>, E>, Vec<LateFill>) {
        let degraded = flying.iter().any(|one| one.ticket.keep.is_degraded());
        let keys = flying.iter().map(|one| one.key.clone()).collect();
        let urgent = select_all(flying.iter().map(|one| Box::pin(one.lead.urgent()))).map(drop);
        let call = Call { degraded, frame, urgent };
        match self.call(call, errors, || load.call(keys)).await {
            Ok(pairs) => {
                let fills = land_all(flying, &pairs);
                (Answer::Returned(Ok(pairs)), fills)
            }
            Err(fall) => {
                let (landing, answer) = self.fell(fall, errors);
                for one in flying {
                    one.lead.land(landing.clone());
                }
                (answer, Vec::new())
            }
        }
    }
}

/// Ends the flights. Followers of a key that the store did not return load it themselves.
fn land_all<K: KeyPart, R: Cacheable>(flying: Vec<Flying<K, R>>, pairs: &Pairs<K, R>) -> Vec<LateFill> {
    let mut flying: HashMap<K, Flying<K, R>, RandomState> =
        flying.into_iter().map(|one| (one.key.clone(), one)).collect();
    pairs.iter().filter_map(|(key, value)| Some(flying.remove(key)?.landed(value))).collect()
}
