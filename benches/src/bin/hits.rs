//! Makes a number of local hits of one case, for an instruction counter: `hits CASE COUNT`.
//!
//! Two runs with different counts differ only by their hits, so one hit costs (I(b) - I(a)) / (b - a), less the same
//! for the case `empty`. `scripts/gates` computes that.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use cache_benches::contenders::{HandWritten, Linked, MokaByTenant, MokaByText, QuickByTenant};
use cache_benches::{Tenants, at_once};
use stores::TenantId;
use stores::policy::PolicyStore;

/// Fewer than in the benchmarks: the fill is slow under an instruction counter.
///
/// The number does not affect the result.
const FEW: usize = 1000;

const CASES: &str = "empty, inherent, dyn, shared-inherent, shared-dyn, quick, moka, moka-text, hand-written";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [case, count] = &arguments[..] else { return usage() };
    let Ok(count) = count.parse() else { return usage() };
    match make(case, count).await {
        Some(()) => ExitCode::SUCCESS,
        None => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: hits CASE COUNT, where CASE is one of {CASES}");
    ExitCode::FAILURE
}

async fn make(case: &str, count: usize) -> Option<()> {
    let tenants = Tenants::new(FEW);
    let order = tenants.order();
    match case {
        "empty" => each(count, order, |tenant| tenant),
        "inherent" => inherent(Linked::Single, count, &tenants).await,
        "dyn" => dynamic(Arc::new(Linked::Single.decorator(&tenants).await), count, order),
        "shared-inherent" => inherent(Linked::Shared, count, &tenants).await,
        "shared-dyn" => dynamic(Arc::new(Linked::Shared.decorator(&tenants).await), count, order),
        "quick" => {
            let cache = QuickByTenant::new(&tenants);
            each(count, order, |tenant| cache.get(tenant));
        }
        "moka" => {
            let cache = MokaByTenant::new(&tenants);
            each(count, order, |tenant| cache.get(tenant));
        }
        "moka-text" => {
            let cache = MokaByText::new(&tenants);
            let texts: Vec<String> = order.iter().map(TenantId::to_string).collect();
            for text in texts.iter().cycle().take(count) {
                black_box(cache.get(black_box(text)));
            }
        }
        "hand-written" => dynamic(Arc::new(HandWritten::new(&tenants).await), count, order),
        _ => return None,
    }
    Some(())
}

async fn inherent(linked: Linked, count: usize, tenants: &Tenants) {
    let store = linked.decorator(tenants).await;
    each(count, tenants.order(), |tenant| at_once(store.get_policy(tenant)));
}

#[expect(clippy::needless_pass_by_value, reason = "as a service holds it")]
fn dynamic(store: Arc<dyn PolicyStore>, count: usize, order: &[TenantId]) {
    each(count, order, |tenant| at_once(store.get_policy(tenant)));
}

fn each<T>(count: usize, order: &[TenantId], mut hit: impl FnMut(TenantId) -> T) {
    for tenant in order.iter().cycle().take(count) {
        black_box(hit(black_box(*tenant)));
    }
}
