//! Stores that are built while their cache connects.

use super::{Instance, Row};
use crate::runtime::explore::many_orders;
use crate::tier::shared::MemoryRemote;

/// Fails if the connection ignores a namespace that joined after the subscription.
///
/// No other heartbeat follows, and the attempt ends by its timeout. The clock does not advance here, so that is a
/// deadlock.
#[test]
fn a_store_that_joins_meanwhile_does_not_delay_the_connection() {
    let seen = many_orders("a store joins while its cache connects", || {
        shuttle::future::block_on(async {
            let instance = Instance::of(&MemoryRemote::new(), &Row::new(1), None).await;
            instance.get().await
        })
    });
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [1]);
}
