//! Sends each call to the server of its slot, and follows redirections.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use redis::Value;

use super::node::Node;
use super::redirect::Redirect;
use super::servers::{NO_PRIMARY, Servers};
use crate::protocol::{TierError, TierErrorKind};
use crate::tier::shared::redis::call::Call;

/// How often a command is sent again because of redirections. Each time takes a round trip, and a slot on its way needs
/// some.
pub(super) const MAX_REDIRECTIONS: usize = 128;

/// A call on its way to a server.
struct Routed<'a> {
    /// Its place among the calls.
    place: usize,
    call: &'a Call,
    node: Arc<Node>,
    asking: bool,
}

/// Executes calls, in their order on each server unless they are redirected.
///
/// A call whose keys are on two servers for the moment is sent again up to `retries` times.
pub(super) async fn execute(servers: &Arc<Servers>, calls: &[Call], retries: usize) -> Result<Vec<Value>, TierError> {
    let mut replies = vec![Value::Nil; calls.len()];
    let mut todo = routed(servers, calls)?;
    for attempt in 0..MAX_REDIRECTIONS {
        let mut again = Vec::new();
        for (routed, reply) in send(todo).await? {
            match Redirect::of(&reply) {
                Some(Redirect::Moved { slot, address }) => {
                    let node = servers.find(&address, &routed.node).await?;
                    servers.moved(slot, &node);
                    again.push(Routed { node, asking: false, ..routed });
                }
                Some(Redirect::Ask(address)) => {
                    let node = servers.find(&address, &routed.node).await?;
                    again.push(Routed { node, asking: true, ..routed });
                }
                Some(Redirect::TryAgain) if attempt < retries => again.push(routed),
                Some(Redirect::TryAgain) | None => replies[routed.place] = reply,
            }
        }
        if again.is_empty() {
            return Ok(replies);
        }
        todo = again;
    }
    Err(TierError::new(TierErrorKind::Refused, "the servers of the cluster redirect a command to each other"))
}

fn routed<'a>(servers: &Servers, calls: &'a [Call]) -> Result<Vec<Routed<'a>>, TierError> {
    let members = servers.members();
    let routed = |(place, call)| {
        let node = members.node_of(call).ok_or_else(|| TierError::disconnected(NO_PRIMARY))?;
        Ok(Routed { place, call, node: Arc::clone(node), asking: false })
    };
    calls.iter().enumerate().map(routed).collect()
}

/// Sends each server its calls, to all servers at the same time.
async fn send(calls: Vec<Routed<'_>>) -> Result<impl Iterator<Item = (Routed<'_>, Value)>, TierError> {
    let mut by_node: BTreeMap<String, Vec<Routed<'_>>> = BTreeMap::new();
    for call in calls {
        by_node.entry(call.node.id.clone()).or_default().push(call);
    }
    let sent = by_node.into_values().map(|calls| async move {
        let node = Arc::clone(&calls[0].node);
        let replies = node.execute(&calls.iter().map(|one| (one.call, one.asking)).collect::<Vec<_>>()).await?;
        Ok::<_, TierError>(calls.into_iter().zip(replies))
    });
    Ok(try_join_all(sent).await?.into_iter().flatten())
}
