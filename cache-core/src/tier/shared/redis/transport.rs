//! How commands reach the servers.

use std::future::Future;

use redis::Value;

use super::call::Call;
use super::heartbeat::Pulse;
use super::stream::Received;
use crate::protocol::{Shard, TierError};

/// The connections to one server or to several, behind the operations of the tier.
///
/// Replies are in the order of the calls or keys. Nothing here retries a call that may have been executed.
pub(super) trait Transport: Send + Sync + 'static {
    /// Identifies the processes of the servers.
    fn run_id(&self) -> &str;

    /// The server's clock when the connection was opened, in milliseconds.
    fn connected_at(&self) -> u64;

    /// Counts what arrives.
    fn received(&self) -> &Received;

    /// The servers, if there are several.
    fn shards(&self) -> Vec<Shard> {
        Vec::new()
    }

    /// Closes the connections at once.
    fn close(&self);

    /// Whether the keys of one command must have one slot.
    fn is_sharded(&self) -> bool;

    /// Reads the values of keys, as `MGET` does: a key of another type is absent.
    fn values(&self, keys: &[&str]) -> impl Future<Output = Result<Vec<Value>, TierError>> + Send;

    /// Executes calls, in their order on each server. An error of a server is the reply to its call.
    fn execute(&self, calls: &[Call]) -> impl Future<Output = Result<Vec<Value>, TierError>> + Send;

    /// Executes the calls of a heartbeat, and returns their replies.
    ///
    /// `pulse` is what each of several servers executes besides.
    fn beat(&self, beats: &[Call], pulse: &Pulse<'_>) -> impl Future<Output = Result<Vec<Value>, TierError>> + Send;

    /// Subscribes to channels of the bus, and waits for the replies.
    fn subscribe(&self, channels: &[String]) -> impl Future<Output = Result<(), TierError>> + Send;
}
