//! The fourth example: a small HTTP service over the three stores, with a graceful shutdown.
//!
//! It shows five things: the tenant is read from a verified token and from nowhere else ([`Caller`]); one place maps
//! errors of the stores to a status ([`Refusal`]); a Redis that is down appears in the response of `/health` and is no
//! outage; a response has the source of its value (`Cache-Status`); and the shutdown waits for the requests in progress, and then for the cache ([`serve`]).
//!
//! `DATABASE_URL`, `REDIS_URL` and others as in ENVIRONMENT.md; with none of them everything is in memory. `PORT` is 3000
//! unless it is set. The program prints tokens to try it with.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cache_core::{Status, Variables};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stores::conversation::{Conversation, ConversationStatus, Message, MessageRole, NewConversation, NewMessage};
use stores::conversation_config::ConversationConfig;
use stores::{
    ConversationId, Cursor, MessageId, PageRequest, StoreError, StoreErrorKind, Stores, StoresConfig, TenantId, UserId,
};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The limit of the wait for Redis at start. Without it the first requests would reach the database.
const TIME_TO_CONNECT: Duration = Duration::from_secs(2);
/// The header of RFC 9211.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// The limit of a health check's wait for the database.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// The limit of the shutdown's wait for requests. The orchestrator kills the process a little later.
const TIME_TO_FINISH: Duration = Duration::from_secs(25);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    // As for the variables of the stores, a value that does not parse is an error that names the variable.
    let port =
        Variables::from_env().parse("PORT", "a number from 0 to 65535", |port| port.parse().ok())?.unwrap_or(3000);
    // From here on the signals complete `stop`, and do not end the process themselves.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        println!("stopping");
    };
    let stores = Stores::connect(StoresConfig::from_env()?).await?;
    stores.cache.connected(TIME_TO_CONNECT).await;
    let mut tokens = Tokens::default();
    let tenant = TenantId::random();
    let admin = tokens.issue(Caller { tenant, user: UserId::random(), admin: true });
    let user = tokens.issue(Caller { tenant, user: UserId::random(), admin: false });
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}; the token of an admin {admin}, of a user of the same tenant {user}", listener.local_addr()?);
    println!("curl -H 'authorization: Bearer {user}' http://{}/config", listener.local_addr()?);
    serve(listener, App { stores, tokens: Arc::new(tokens) }, stop).await?;
    Ok(())
}

/// Serves until `stop`, then finishes the requests in progress, and shuts down the cache last.
///
/// Fills and releases may outlast their requests. If a release is lost, every instance reads that entry from the
/// database until the writer's lock expires.
async fn serve(listener: TcpListener, app: App, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let cache = app.stores.cache.clone();
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let stop = async move {
        stop.await;
        let _ = stopping.send(());
    };
    let too_late = async move {
        match stopped.await {
            Ok(()) => tokio::time::sleep(TIME_TO_FINISH).await,
            // The server ended without a signal.
            Err(_) => std::future::pending().await,
        }
    };
    let served = tokio::select! {
        served = async { axum::serve(listener, service(app)).with_graceful_shutdown(stop).await } => served,
        () = too_late => Ok(()),
    };
    cache.shutdown().await;
    served
}

/// The state that every request shares. Cheap to clone.
#[derive(Clone)]
struct App {
    stores: Stores,
    tokens: Arc<Tokens>,
}

fn service(app: App) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/policy", get(get_policy).put(put_policy))
        .route("/config", get(get_config))
        .route("/conversations", get(list_conversations).post(create_conversation))
        .route("/conversations/{id}", get(get_conversation))
        .route("/conversations/{id}/messages", get(get_messages).post(append_message))
        .with_state(app)
}

// --- The caller ------------------------------------------------------------------------------------------------------

/// The tenant and user of a request, from its token.
///
/// A request without a token never reaches a handler that takes a caller: the response is 401, without a call of the
/// cache or the database. There is no default tenant. A cache that mixes up two tenants is worse than no cache, so no
/// unverified input of a client, in a header, a path or a body, may determine the tenant of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Caller {
    tenant: TenantId,
    user: UserId,
    admin: bool,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Refusal::Unknown)?;
        app.tokens.verify(token).ok_or(Refusal::Unknown)
    }
}

/// A substitute for the check of a token: it accepts the random ones that it issued.
///
/// A real service has the check of its identity provider here. For a JWT, check the signature by a key of the issuer,
/// `iss`, `aud` and `exp`; then the user is `sub`, and the tenant a claim that only the issuer writes (with Supabase
/// `app_metadata`, never `user_metadata`, which users edit).
#[derive(Default)]
struct Tokens(HashMap<String, Caller>);

impl Tokens {
    fn issue(&mut self, caller: Caller) -> String {
        // 122 random bits.
        let token = UserId::random().to_string();
        self.0.insert(token.clone(), caller);
        token
    }

    fn verify(&self, token: &str) -> Option<Caller> {
        self.0.get(token).copied()
    }
}

// --- Errors ----------------------------------------------------------------------------------------------------------

#[derive(Debug)]
enum Refusal {
    /// No token, or an unknown one.
    Unknown,
    NotAdmin,
    Nothing,
    NotAPolicy(serde_json::Error),
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Unknown => (StatusCode::UNAUTHORIZED, "a valid token is needed".to_owned()),
            Self::NotAdmin => (StatusCode::FORBIDDEN, "this is for admins of the tenant".to_owned()),
            Self::Nothing => (StatusCode::NOT_FOUND, "there is no such thing".to_owned()),
            Self::NotAPolicy(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            Self::Store(error) => (status(error.kind()), shown(&error)),
        };
        let mut response = (status, Json(json!({ "error": text }))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

/// The status of an error of a store.
fn status(kind: StoreErrorKind) -> StatusCode {
    match kind {
        StoreErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        StoreErrorKind::NotFound => StatusCode::NOT_FOUND,
        StoreErrorKind::Forbidden => StatusCode::FORBIDDEN,
        StoreErrorKind::Constraint => StatusCode::CONFLICT,
        StoreErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        // The same call may succeed if it is repeated.
        StoreErrorKind::Conflict | StoreErrorKind::Unavailable | StoreErrorKind::Load => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        // Mistakes on our side, in the configuration, the rights, the tables or a row, and future kinds.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The text for the client. Details of internal errors belong in the log.
fn shown(error: &StoreError) -> String {
    if status(error.kind()).is_server_error() {
        eprintln!("{error:?}");
        return "this did not work here".to_owned();
    }
    error.to_string()
}

// --- The requests ----------------------------------------------------------------------------------------------------

/// The header of the response has the source of the policy, and the rest of its life.
async fn get_policy(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, Refusal> {
    let (policy, info) = app.stores.policies.with_info().get_policy(caller.tenant).await;
    let policy = policy?.ok_or(Refusal::Nothing)?;
    Ok(([(CACHE_STATUS, info.cache_status("policies"))], Json(policy)))
}

async fn put_policy(
    State(app): State<App>,
    caller: Caller,
    Json(mut body): Json<Map<String, Value>>,
) -> Result<StatusCode, Refusal> {
    if !caller.admin {
        return Err(Refusal::NotAdmin);
    }
    // The tenant of the token replaces any tenant in the body.
    body.insert("tenant_id".to_owned(), json!(caller.tenant));
    let policy = serde_json::from_value(Value::Object(body)).map_err(Refusal::NotAPolicy)?;
    app.stores.policies.set_policy(&policy).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn get_config(State(app): State<App>, caller: Caller) -> Result<Json<Arc<ConversationConfig>>, Refusal> {
    Ok(Json(app.stores.configs.get_config(caller.tenant, Some(caller.user)).await?))
}

#[derive(Deserialize)]
struct PageQuery {
    #[serde(default = "twenty")]
    limit: u32,
    after: Option<Cursor>,
}

fn twenty() -> u32 {
    20
}

async fn list_conversations(
    State(app): State<App>,
    caller: Caller,
    Query(PageQuery { limit, after }): Query<PageQuery>,
) -> Result<Json<Value>, Refusal> {
    let (user, active) = (Some(caller.user), ConversationStatus::Active);
    let page = PageRequest { limit, after };
    let page = app.stores.conversations.list_conversations(caller.tenant, user, active, &page).await?;
    Ok(Json(json!({ "items": page.items, "next": page.next })))
}

#[derive(Deserialize)]
struct ConversationBody {
    title: Option<String>,
}

async fn create_conversation(
    State(app): State<App>,
    caller: Caller,
    Json(ConversationBody { title }): Json<ConversationBody>,
) -> Result<(StatusCode, Json<ConversationId>), Refusal> {
    let conversation = NewConversation { title, ..NewConversation::new(caller.tenant, Some(caller.user)) };
    Ok((StatusCode::CREATED, Json(app.stores.conversations.create_conversation(&conversation).await?)))
}

/// A hit checks access to the conversation as a miss does.
///
/// The entry is the same for every user of the tenant.
async fn get_conversation(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Result<Json<Arc<Conversation>>, Refusal> {
    let found = app.stores.conversations.get_conversation(caller.tenant, id, Some(caller.user)).await?;
    found.map(Json).ok_or(Refusal::Nothing)
}

async fn get_messages(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Query(PageQuery { limit, .. }): Query<PageQuery>,
) -> Result<Json<Vec<Message>>, Refusal> {
    Ok(Json(app.stores.conversations.get_messages(caller.tenant, id, Some(caller.user), limit).await?))
}

#[derive(Deserialize)]
struct MessageBody {
    content: String,
}

async fn append_message(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Json(MessageBody { content }): Json<MessageBody>,
) -> Result<(StatusCode, Json<MessageId>), Refusal> {
    // Never use the role of a client's request: the assistant may write everywhere.
    let message = NewMessage::new(caller.tenant, id, MessageRole::User, content);
    let message = NewMessage { user_id: Some(caller.user), ..message };
    Ok((StatusCode::CREATED, Json(app.stores.conversations.append_message(&message).await?)))
}

// --- Health ----------------------------------------------------------------------------------------------------------

/// 200 while the database is reachable, even without Redis; otherwise 503.
async fn health(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let cache = app.stores.cache.health().await;
    // One row, which is never cached.
    let page = PageRequest::first(1);
    let read = tokio::time::timeout(READ_TIMEOUT, app.stores.policies.list_policies(&page)).await;
    let database_is_up = matches!(read, Ok(Ok(_)));
    let status = match (database_is_up, cache.status) {
        (false, _) => "down",
        (true, Status::Healthy) => "ok",
        (true, _) => "degraded",
    };
    let code = if database_is_up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(json!({ "status": status, "database": database_is_up, "cache": cache })))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Instant;

    use cache_core::{Cache, MemoryRemote};
    use sqlx::{Connection, SqliteConnection};
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// The service on a free port, over SQLite in a folder of its own.
    struct Running {
        address: SocketAddr,
        stores: Stores,
        database: String,
        /// An admin and a user of one tenant, and a user of another one.
        callers: [(String, Caller); 3],
        stop: Option<oneshot::Sender<()>>,
        server: JoinHandle<io::Result<()>>,
        _folder: TempDir,
    }

    impl Running {
        async fn start() -> Self {
            let cache = Cache::builder().remote(MemoryRemote::new()).lease(Duration::from_mins(1)).build().unwrap();
            Self::start_with(cache).await
        }

        async fn start_with(cache: Cache) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = format!("sqlite://{}", folder.path().join("service.db").display());
            let config = StoresConfig::from_lookup(|name| (name == "DATABASE_URL").then(|| database.clone())).unwrap();
            let stores = Stores::connect_with(config, cache).await.unwrap();
            let mut tokens = Tokens::default();
            let (here, there) = (TenantId::random(), TenantId::random());
            let callers = [(here, true), (here, false), (there, false)].map(|(tenant, admin)| {
                let caller = Caller { tenant, user: UserId::random(), admin };
                (tokens.issue(caller), caller)
            });
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            let (stop, stopped) = oneshot::channel();
            let app = App { stores: stores.clone(), tokens: Arc::new(tokens) };
            let server = tokio::spawn(serve(listener, app, async {
                let _ = stopped.await;
            }));
            Self { address, stores, database, callers, stop: Some(stop), server, _folder: folder }
        }

        /// Sends one request on its own connection. `caller` is an index into the callers.
        async fn request(&self, caller: usize, request: &str, body: Option<Value>) -> (u16, Value) {
            let authorization = format!("authorization: Bearer {}\r\n", self.callers[caller].0);
            self.request_with(request, &authorization, body).await
        }

        async fn request_with(&self, request: &str, headers: &str, body: Option<Value>) -> (u16, Value) {
            let (status, _, body) = self.response(request, headers, body).await;
            (status, body)
        }

        /// The status, the head and the body of the response.
        async fn response(&self, request: &str, headers: &str, body: Option<Value>) -> (u16, String, Value) {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let body = body.map(|body| body.to_string()).unwrap_or_default();
            let head = head(request, &format!("{headers}connection: close\r\n"), body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            answer(stream).await
        }
    }

    fn head(request: &str, headers: &str, length: usize) -> String {
        let content = format!("content-type: application/json\r\ncontent-length: {length}\r\n");
        format!("{request} HTTP/1.1\r\nhost: here\r\n{content}{headers}\r\n")
    }

    /// The parts of a response, after which the server closes the connection.
    async fn answer(mut stream: TcpStream) -> (u16, String, Value) {
        let mut text = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("a response").unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("a response has a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("and a status");
        (status, head.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn policy(model: &str) -> Value {
        json!({ "default_model": model, "default_provider": "local" })
    }

    #[tokio::test]
    async fn an_admin_writes_a_policy_and_the_tenant_reads_it() {
        let service = Running::start().await;
        assert_eq!(service.request(1, "GET /policy", None).await.0, 404);
        assert_eq!(service.request(1, "PUT /policy", Some(policy("small"))).await.0, 403, "a user is no admin");
        assert_eq!(service.request(0, "PUT /policy", Some(policy("small"))).await.0, 204);
        let (status, found) = service.request(1, "GET /policy", None).await;
        assert_eq!((status, &found["default_model"]), (200, &json!("small")));
        assert_eq!(service.request(2, "GET /policy", None).await.0, 404, "another tenant has none");
        assert_eq!(service.request(0, "PUT /policy", Some(json!({ "default_model": 7 }))).await.0, 422);
        let (status, config) = service.request(1, "GET /config", None).await;
        assert_eq!((status, &config["merge_max_messages"]), (200, &json!(100)));
    }

    #[tokio::test]
    async fn a_response_has_the_source_of_its_value() {
        let service = Running::start().await;
        assert_eq!(service.request(0, "PUT /policy", Some(policy("small"))).await.0, 204);
        let authorization = format!("authorization: Bearer {}\r\n", service.callers[0].0);
        for source in ["fwd=miss; stored; ttl=", "hit; ttl="] {
            let (_, head, _) = service.response("GET /policy", &authorization, None).await;
            assert!(head.contains(&format!("cache-status: policies; {source}")), "{head}");
        }
    }

    #[tokio::test]
    async fn only_the_token_decides_the_tenant() {
        let service = Running::start().await;
        let [(_, here), _, (token, there)] = &service.callers;
        service.request(0, "PUT /policy", Some(policy("small"))).await;
        let forged = format!("authorization: Bearer {token}\r\nx-tenant-id: {}\r\n", here.tenant);
        assert_eq!(service.request_with("GET /policy", &forged, None).await.0, 404);
        let body = json!({ "tenant_id": there.tenant, "default_model": "large", "default_provider": "local" });
        assert_eq!(service.request(0, "PUT /policy", Some(body)).await.0, 204);
        assert_eq!(
            service.stores.policies.get_policy(there.tenant).await.unwrap(),
            None,
            "it was written to the own tenant"
        );
    }

    #[tokio::test]
    async fn a_request_without_a_token_reaches_neither_cache_nor_database() {
        let service = Running::start().await;
        let (before, here) = (service.stores.cache.stats(), service.callers[0].1.tenant);
        for headers in [
            String::new(),
            format!("x-tenant-id: {here}\r\n"),
            "authorization: Bearer guessed\r\n".to_owned(),
            format!("authorization: Basic {}\r\n", service.callers[0].0),
        ] {
            let id = ConversationId::random();
            for (request, body) in [
                ("GET /policy", None),
                ("PUT /policy", Some(policy("stolen"))),
                ("GET /config", None),
                ("GET /conversations", None),
                ("POST /conversations", Some(json!({}))),
                (&format!("GET /conversations/{id}"), None),
                (&format!("GET /conversations/{id}/messages"), None),
                (&format!("POST /conversations/{id}/messages"), Some(json!({ "content": "hello" }))),
            ] {
                assert_eq!(service.request_with(request, &headers, body).await.0, 401, "{request} {headers}");
            }
        }
        assert_eq!(service.stores.cache.stats(), before);
        assert_eq!(service.stores.policies.count_policies().await.unwrap(), 0);
        service.request(0, "GET /policy", None).await;
        assert_ne!(service.stores.cache.stats(), before, "a request with a token is counted");
    }

    #[tokio::test]
    async fn conversations_are_listed_read_and_appended_to() {
        let service = Running::start().await;
        let (status, id) = service.request(1, "POST /conversations", Some(json!({ "title": "first" }))).await;
        let id = id.as_str().unwrap();
        assert_eq!(status, 201);
        service.request(1, "POST /conversations", Some(json!({ "title": "second" }))).await;
        let messages = format!("/conversations/{id}/messages");
        assert_eq!(service.request(1, &format!("POST {messages}"), Some(json!({ "content": "hello" }))).await.0, 201);
        let (_, found) = service.request(1, &format!("GET {messages}"), None).await;
        assert_eq!((&found[0]["content"], &found[0]["role"]), (&json!("hello"), &json!("user")));

        let (_, page) = service.request(1, "GET /conversations?limit=1", None).await;
        assert_eq!(page["items"][0]["title"], "first", "the last activity is first");
        let next = page["next"].as_str().unwrap();
        let (_, rest) = service.request(1, &format!("GET /conversations?limit=1&after={next}"), None).await;
        assert_eq!((&rest["items"][0]["title"], &rest["next"]), (&json!("second"), &Value::Null));
        for broken in ["after=nonsense", "limit=0"] {
            assert_eq!(service.request(1, &format!("GET /conversations?{broken}"), None).await.0, 400, "{broken}");
        }

        let one = format!("GET /conversations/{id}");
        assert_eq!(service.request(1, &one, None).await.0, 200);
        for stranger in [0, 2] {
            assert_eq!(service.request(stranger, &one, None).await.0, 404, "a hit checks its visibility");
            let append =
                service.request(stranger, &format!("POST {messages}"), Some(json!({ "content": "me too" }))).await;
            assert_eq!(append.0, 404);
        }
    }

    #[tokio::test]
    async fn health_without_redis_is_degraded_and_without_a_database_it_is_down() {
        let service = Running::start().await;
        let (status, health) = service.request_with("GET /health", "", None).await;
        assert_eq!((status, &health["cache"]["backend"]), (200, &json!("memory")));

        // No server listens on port 1.
        let service = Running::start_with(Cache::builder().redis("redis://127.0.0.1:1").build().unwrap()).await;
        let start = Instant::now();
        let degraded = loop {
            let (status, health) = service.request_with("GET /health", "", None).await;
            assert_eq!((status, &health["status"], &health["database"]), (200, &json!("degraded"), &json!(true)));
            if health["cache"]["status"] == "degraded" {
                break health;
            }
            assert!(start.elapsed() < PATIENCE, "{health}");
        };
        assert!(degraded["cache"]["error"].is_string(), "{degraded}");
        assert_eq!(service.request(0, "PUT /policy", Some(policy("small"))).await.0, 204, "it still serves");
        assert_eq!(service.request(1, "GET /policy", None).await.0, 200);

        let mut database = SqliteConnection::connect(&service.database).await.unwrap();
        sqlx::query("DROP TABLE tenant_llm_policies").execute(&mut database).await.unwrap();
        let (status, health) = service.request_with("GET /health", "", None).await;
        assert_eq!((status, &health["status"], &health["database"]), (503, &json!("down"), &json!(false)));
        let (status, refusal) = service.request(1, "GET /policy", None).await;
        assert_eq!((status, &refusal["error"]), (500, &json!("this did not work here")), "and no word of the database");
    }

    #[tokio::test]
    async fn the_shutdown_waits_for_a_request_in_progress() {
        let mut service = Running::start().await;
        let body = policy("last").to_string();
        let authorization = format!("authorization: Bearer {}\r\n", service.callers[0].0);
        let head = head("PUT /policy", &format!("{authorization}expect: 100-continue\r\n"), body.len());
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server sends that when the handler reads the body: now the request is in progress.
        let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut go_on).await.unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&go_on));

        service.stop.take().unwrap().send(()).unwrap();
        let start = Instant::now();
        while TcpStream::connect(service.address).await.is_ok() {
            assert!(start.elapsed() < PATIENCE, "it still accepts");
            tokio::task::yield_now().await;
        }
        assert!(!service.server.is_finished(), "it waits");
        stream.write_all(body.as_bytes()).await.unwrap();
        assert_eq!(answer(stream).await.0, 204);
        tokio::time::timeout(PATIENCE, &mut service.server).await.expect("it ends").unwrap().unwrap();

        let tenant = service.callers[0].1.tenant;
        let written = service.stores.policies.get_policy(tenant).await.unwrap().unwrap();
        assert_eq!(written.default_model, "last");
        assert!(!service.stores.cache.health().await.shared, "the cache has ended too");
    }

    #[test]
    fn every_kind_of_error_has_a_status() {
        for (kind, code) in [
            (StoreErrorKind::InvalidInput, 400),
            (StoreErrorKind::Forbidden, 403),
            (StoreErrorKind::NotFound, 404),
            (StoreErrorKind::Constraint, 409),
            (StoreErrorKind::Corrupt, 500),
            (StoreErrorKind::Permission, 500),
            (StoreErrorKind::Unavailable, 503),
            (StoreErrorKind::Conflict, 503),
            (StoreErrorKind::Timeout, 504),
        ] {
            assert_eq!(status(kind).as_u16(), code, "{kind:?}");
        }
    }
}
