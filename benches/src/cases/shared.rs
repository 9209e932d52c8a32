//! A look-up in the shared tier without a socket, and its steps.

use std::rc::Rc;
use std::sync::Arc;

use cache_core::internals::Entry;
use stores::TenantId;
use stores::policy::CachingPolicyStore;

use super::{Stage, Work};
use crate::contenders::TTL;

/// The fill of an entry follows the read that caused it, so not all of them precede the next round.
const ROUNDS_OF_FILLS: usize = 5;

pub(super) fn key_text(stage: &Stage) -> Work {
    let (entry, _) = entry(stage);
    Work::of(stage.order(), move |tenant| entry.key_text(&tenant))
}

/// Seals a payload that is encoded already.
pub(super) fn seal(stage: &Stage) -> Work {
    let (entry, payload) = entry(stage);
    Work::of(stage.order(), move |_| entry.seal(&payload))
}

/// Opens an envelope, and leaves its payload encoded.
pub(super) fn open(stage: &Stage) -> Work {
    let (entry, payload) = entry(stage);
    let sealed = entry.seal(&payload);
    assert_eq!(entry.open(&sealed), Some(payload.len()), "an entry opens its own envelope");
    Work::of(stage.order(), move |_| entry.open(&sealed))
}

/// A read that the shared tier answers: key, flight, look-up, envelope, decoding and timer.
pub(super) fn look_up(stage: &Stage) -> Work {
    let cache = Stage::linked();
    let store = CachingPolicyStore::builder(Arc::new(stage.tenants.store()), &cache)
        .get_policy(|annotated| annotated.ttl(TTL).local_off())
        .build();
    stage.connect(&cache);
    let read = |tenant| stage.runtime.block_on(store.get_policy(tenant)).expect("a store in memory does not fail");
    let loads = || cache.stats().total().loads;
    for _ in 0..ROUNDS_OF_FILLS {
        let before = loads();
        stage.order().into_iter().for_each(|tenant| drop(read(tenant)));
        if loads() == before {
            break;
        }
    }
    let runtime = Rc::clone(&stage.runtime);
    Work::of(stage.order(), move |tenant| runtime.block_on(store.get_policy(tenant))).counting(&cache)
}

/// The entry of the first tenant, and the policy as its payload.
fn entry(stage: &Stage) -> (Entry, Vec<u8>) {
    let policy = &stage.tenants.policies()[0];
    let entry =
        Entry::of::<TenantId>("copilot:llm", "policy", &policy.tenant_id).expect("a generation of the protocol");
    (entry, serde_json::to_vec(&**policy).expect("a policy is JSON"))
}
