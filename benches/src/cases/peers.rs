//! The loop alone, and the alternatives, for comparison.

use std::sync::Arc;

use stores::policy::PolicyStore;

use super::{Stage, Work};
use crate::at_once;
use crate::contenders::{HandWritten, MokaByText, QuickByTenant};

pub(super) fn empty(stage: &Stage) -> Work {
    Work::of(stage.order(), |tenant| tenant)
}

pub(super) fn quick_by_tenant(stage: &Stage) -> Work {
    let cache = QuickByTenant::new(&stage.tenants);
    Work::of(stage.order(), move |tenant| cache.get(tenant))
}

pub(super) fn moka_by_text(stage: &Stage) -> Work {
    let cache = MokaByText::new(&stage.tenants);
    let texts: Vec<String> = stage.order().iter().map(ToString::to_string).collect();
    let mut at = 0;
    Work::of(stage.order(), move |_| {
        let found = cache.get(&texts[at]);
        at = if at + 1 == texts.len() { 0 } else { at + 1 };
        found
    })
}

pub(super) fn hand_written(stage: &Stage) -> Work {
    let store: Arc<dyn PolicyStore> = Arc::new(stage.runtime.block_on(HandWritten::new(&stage.tenants)));
    Work::of(stage.order(), move |tenant| at_once(store.get_policy(tenant)))
}
