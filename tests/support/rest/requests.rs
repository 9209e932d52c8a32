//! The record of the requests.

use std::sync::{Mutex, PoisonError};

/// A request that a [`RestServer`](crate::RestServer) has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestRequest {
    /// Its path, such as `/pipeline`.
    pub path: String,
    /// The names of its commands, in upper case.
    pub commands: Vec<String>,
    /// Its header `upstash-sync-token`, if it has one.
    pub sync_token: Option<String>,
    /// The number of the connection over which it arrived.
    pub connection: u64,
}

#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<Vec<RestRequest>>);

impl Requests {
    pub(super) fn record(&self, request: RestRequest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    pub(super) fn all(&self) -> Vec<RestRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
