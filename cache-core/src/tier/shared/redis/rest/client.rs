//! The HTTP client. Only this module and `connector` use types of the HTTP library.
//!
//! Connections are kept open and used again; each carries one request at a time. A caller that gives up closes the
//! connection of its request, so that no reply can be taken for that of another request.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;

use super::super::stream::Received;
use super::connector::{ConnectError, Connector};
use super::refusal::refusal;
use super::sync_token::SyncToken;
use crate::error::Error;
use crate::protocol::{TierError, TierErrorKind};

/// Requests in progress, and so the most connections. Further requests wait.
const AT_ONCE: usize = 64;
/// How long an unused connection stays open. Servers and their proxies close theirs after a minute or more.
const IDLE: Duration = Duration::from_secs(20);
/// The header of the state that a client has seen (<https://upstash.com/docs/redis/howto/readyourwrites>).
const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");
/// The header that asks for binary strings in base64
/// (<https://upstash.com/docs/redis/features/restapi#base64-encoded-responses>).
const ENCODING: HeaderName = HeaderName::from_static("upstash-encoding");

/// Whether a request may be sent once more if its connection ends before a reply begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// For reads: the server may have closed the connection while it was unused.
    Once,
    Never,
}

/// A client of one REST interface. Clones share its connections.
#[derive(Clone)]
pub(super) struct HttpClient(Arc<Shared>);

struct Shared {
    client: Client<Connector, Full<Bytes>>,
    /// The scheme, the host and the port.
    base: String,
    authorization: HeaderValue,
    sync_token: SyncToken,
    received: Received,
    permits: Semaphore,
}

impl HttpClient {
    pub(super) fn new(connector: &Connector, authorization: &Authorization) -> Self {
        let received = Received::default();
        Self(Arc::new(Shared {
            client: client(connector.counting(received.clone())),
            base: format!("{}://{}", connector.scheme(), connector.authority()),
            authorization: authorization.0.clone(),
            sync_token: SyncToken::default(),
            received,
            permits: Semaphore::new(AT_ONCE),
        }))
    }

    /// Counts what arrives.
    pub(super) fn received(&self) -> &Received {
        &self.0.received
    }

    /// Sends a body to a path; returns the body of the reply.
    ///
    /// Requests may overtake each other. No more than [`AT_ONCE`] are on their way.
    pub(super) async fn post(&self, path: &str, body: String, repeat: Repeat) -> Result<Vec<u8>, TierError> {
        let _permit = self.0.permits.acquire().await.map_err(|_| closed())?;
        let body = Bytes::from(body);
        let response = match self.send(path, body.clone()).await {
            Err(error) if repeat == Repeat::Once && has_ended(&error) => self.send(path, body).await,
            sent => sent,
        };
        let response = response.map_err(|error| failed(&error))?;
        let (status, token) = (response.status(), sync_token(response.headers()));
        let body = response.into_body().collect().await.map_err(|error| lost(&error))?.to_bytes();
        if status != StatusCode::OK {
            return Err(refusal(status.as_u16(), &body));
        }
        if let Some(token) = token {
            self.0.sync_token.received(token);
        }
        Ok(body.into())
    }

    async fn send(&self, path: &str, body: Bytes) -> Result<Response<Incoming>, ClientError> {
        let mut request = self.request(path, body);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ENCODING, HeaderValue::from_static("base64"));
        if let Some(token) = self.0.sync_token.newest().and_then(|token| HeaderValue::from_str(&token).ok()) {
            headers.insert(SYNC_TOKEN, token);
        }
        self.0.client.request(request).await
    }

    /// Opens a stream of events.
    pub(super) async fn events(&self, path: &str) -> Result<Events, TierError> {
        let mut request = self.request(path, Bytes::new());
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let response = self.0.client.request(request).await.map_err(|error| failed(&error))?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(Events { body: response.into_body() });
        }
        let body = response.into_body().collect().await.map_err(|error| lost(&error))?.to_bytes();
        Err(refusal(status.as_u16(), &body))
    }

    fn request(&self, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        // The address was parsed, and paths are escaped.
        *request.uri_mut() = format!("{}{path}", self.0.base).parse::<Uri>().unwrap_or_default();
        request.headers_mut().insert(AUTHORIZATION, self.0.authorization.clone());
        request
    }
}

/// The header with the token. It is marked as sensitive, and its `Debug` output omits the text.
#[derive(Clone)]
pub(super) struct Authorization(HeaderValue);

impl Authorization {
    pub(super) fn bearer(token: &str) -> Result<Self, Error> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Error::config("the token of Redis over HTTP has characters that no token has"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

/// The pieces of a stream of events, as they arrive.
pub(super) struct Events {
    body: Incoming,
}

impl Events {
    /// The next piece; `None` at the end of the stream, whatever ended it.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                return Some(data.into());
            }
        }
    }
}

fn client(connector: Connector) -> Client<Connector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector)
}

fn sync_token(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(SYNC_TOKEN)?.to_str().ok()?.to_owned())
}

/// Whether the connection ended before a reply began.
fn has_ended(error: &ClientError) -> bool {
    let is_reset = |error: &io::Error| matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
    let is_incomplete = find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message);
    is_incomplete || find::<io::Error>(error).is_some_and(is_reset)
}

/// Converts an error of a request without a response. It has no parts of the request.
fn failed(error: &ClientError) -> TierError {
    if let Some(ConnectError(error)) = find::<ConnectError>(error) {
        return error.clone();
    }
    match find::<hyper::Error>(error) {
        Some(error) if error.is_parse() => {
            TierError::new(TierErrorKind::Protocol, "the server does not answer in HTTP")
        }
        Some(error) => lost(error),
        None => TierError::disconnected("the request was not sent"),
    }
}

fn lost(error: &hyper::Error) -> TierError {
    TierError::new(TierErrorKind::Disconnected, format!("the connection was lost: {error}"))
}

fn closed() -> TierError {
    TierError::disconnected("the connection was closed")
}

/// Finds an error of this type among the causes.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |error| StdError::source(*error)).find_map(|error| error.downcast_ref())
}
