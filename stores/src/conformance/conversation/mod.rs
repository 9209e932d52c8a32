//! The suite of [`ConversationStore`].

mod access;
mod lists;
mod messages;
mod rows;
mod samples;

use super::checks::Checks;
use crate::StoreError;
use crate::conversation::ConversationStore;

/// Checks that `store` fulfils [`ConversationStore`]. Returns the number of checks.
///
/// It creates some hundred conversations in tenants of its own, and does not remove them.
///
/// # Errors
///
/// The first error of a call that has to succeed.
///
/// # Panics
///
/// At the first check that fails.
pub async fn conversation_store(store: &dyn ConversationStore) -> Result<usize, StoreError> {
    let mut checks = Checks::default();
    rows::round_trips(store, &mut checks).await?;
    rows::absence(store, &mut checks).await?;
    rows::sharing(store, &mut checks).await?;
    rows::archive(store, &mut checks).await?;
    rows::refuses(store, &mut checks).await?;
    access::matrix(store, &mut checks).await?;
    access::other_tenants(store, &mut checks).await?;
    messages::order_and_limit(store, &mut checks).await?;
    messages::round_trips(store, &mut checks).await?;
    messages::deletions(store, &mut checks).await?;
    messages::refuses(store, &mut checks).await?;
    lists::pages(store, &mut checks).await?;
    lists::pages_while_rows_are_added(store, &mut checks).await?;
    lists::statuses(store, &mut checks).await?;
    lists::refuses(store, &mut checks).await?;
    lists::compaction(store, &mut checks).await?;
    Ok(checks.made())
}
