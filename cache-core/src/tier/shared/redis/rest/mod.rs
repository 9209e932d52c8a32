//! Redis over HTTP, as Upstash offers it.
mod address;
mod client;
mod connector;
mod events;
mod json;
mod refusal;
mod sync_token;
pub(super) use address::is_local_http;
