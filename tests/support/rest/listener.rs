//! The socket of the server, and its connections.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::Value;

use super::commands::{Backends, name};
use super::encoding::{command, object};
use super::faults::RestFault;
use super::http::{Request, Response, decoded};
use super::requests::RestRequest;
use super::resp::Reply;
use super::{Shared, TOKEN, stream};

/// The methods of HTTP that Upstash accepts (<https://upstash.com/docs/redis/features/restapi#http-codes>).
const METHODS: [&str; 4] = ["HEAD", "GET", "POST", "PUT"];

#[derive(Debug)]
pub(super) struct Listener {
    addr: SocketAddr,
    open: Arc<Open>,
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Open {
    has_ended: AtomicBool,
    clients: Mutex<HashMap<u64, Client>>,
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    is_subscriber: bool,
}

impl Open {
    fn clients(&self) -> MutexGuard<'_, HashMap<u64, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    pub(super) fn start(shared: &Arc<Shared>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback interface has a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let (shared, open) = (Arc::clone(shared), Arc::<Open>::default());
        let accepting = Arc::clone(&open);
        thread::spawn(move || accept(&listener, &shared, &accepting));
        Self { addr, open }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn end_streams(&self) {
        for client in self.open.clients().values().filter(|client| client.is_subscriber) {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.open.has_ended.store(true, Ordering::Release);
        // Wakes the thread that accepts connections.
        let _ = TcpStream::connect(self.addr);
        for client in self.open.clients().values() {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, open: &Arc<Open>) {
    for (number, client) in (1..).zip(listener.incoming().flatten()) {
        if open.has_ended.load(Ordering::Acquire) {
            return;
        }
        let Ok(stream) = client.try_clone() else { continue };
        open.clients().insert(number, Client { stream, is_subscriber: false });
        let (shared, open) = (Arc::clone(shared), Arc::clone(open));
        thread::spawn(move || {
            // A connection ends with the client, with Redis or with a fault.
            let _ = Connection { number, shared: &shared, open: &open, client: &client }.serve();
            let _ = client.shutdown(Shutdown::Both);
            open.clients().remove(&number);
        });
    }
}

/// One connection of a client.
struct Connection<'a> {
    number: u64,
    shared: &'a Shared,
    open: &'a Open,
    client: &'a TcpStream,
}

impl Connection<'_> {
    fn serve(&self) -> io::Result<()> {
        self.client.set_nodelay(true)?;
        let mut reader = BufReader::new(self.client);
        let mut backends = None;
        while let Some(request) = Request::read(&mut reader)? {
            let channels = channels(&request);
            self.record(&request);
            if let Some(refusal) = self.refusal(&request) {
                refusal.write(&mut &*self.client)?;
            } else if let Some(channels) = channels {
                return self.subscribe(channels);
            } else {
                let backends = match &mut backends {
                    Some(backends) => backends,
                    none => none.insert(Backends::open(self.shared)?),
                };
                self.answer(&request, backends)?.write(&mut &*self.client)?;
            }
        }
        Ok(())
    }

    fn record(&self, request: &Request) {
        let commands = commands(request).unwrap_or_default().iter().map(|command| name(command)).collect();
        let sync_token = request.header("upstash-sync-token").map(str::to_owned);
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        self.shared.requests.record(RestRequest { path, commands, sync_token, connection: self.number });
    }

    /// The response to a request that is not executed.
    fn refusal(&self, request: &Request) -> Option<Response> {
        let fault = self.shared.faults.get();
        match fault {
            Some(RestFault::Status(status)) => return Some(Response::error(status, text_of(status))),
            Some(RestFault::NoStreams(status)) if channels(request).is_some() => {
                return Some(Response::error(status, text_of(status)));
            }
            Some(RestFault::ForeignPage) => {
                let body = "<html>Sign in to this network</html>".to_owned();
                return Some(Response { status: 200, content_type: "text/html", body, sync_token: None });
            }
            _ => {}
        }
        if !METHODS.contains(&request.method.as_str()) {
            return Some(Response::error(405, text_of(405)));
        }
        let bearer = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
        (bearer != Some(TOKEN)).then(|| Response::error(401, text_of(401)))
    }

    fn subscribe(&self, mut channels: Vec<Vec<u8>>) -> io::Result<()> {
        if let Some(client) = self.open.clients().get_mut(&self.number) {
            client.is_subscriber = true;
        }
        let mut client = self.client.try_clone()?;
        match self.shared.faults.get() {
            Some(RestFault::BufferedStreams) => stream::serve_nothing(&mut client),
            Some(RestFault::OneChannel) => {
                channels.truncate(1);
                stream::serve(self.shared.primary, channels, &mut client)
            }
            _ => stream::serve(self.shared.primary, channels, &mut client),
        }
    }

    fn answer(&self, request: &Request, backends: &mut Backends) -> io::Result<Response> {
        let Some(commands) = commands(request) else {
            return Ok(Response::error(400, "ERR failed to parse the request"));
        };
        self.shared.faults.wait();
        match self.shared.faults.get() {
            Some(RestFault::LoseRequests) => return Err(io::ErrorKind::ConnectionReset.into()),
            Some(RestFault::LoseOneRequest) => {
                self.shared.faults.set(None);
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            _ => {}
        }
        let mut response = self.execute(request, &commands, backends)?;
        if self.shared.faults.get() == Some(RestFault::LoseReplies) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        response.sync_token = Some(format!("s{}", Backends::sync_token(self.shared)?));
        Ok(response)
    }

    fn execute(&self, request: &Request, commands: &[Vec<Vec<u8>>], backends: &mut Backends) -> io::Result<Response> {
        let is_base64 = request.header("upstash-encoding") == Some("base64");
        let token = request.header("upstash-sync-token").and_then(|token| token.strip_prefix('s')?.parse().ok());
        let path = request.path.split('?').next();
        if path == Some("/multi-exec") {
            return Ok(match backends.transaction(commands)? {
                Reply::Array(replies) => Response::json(200, objects(replies, is_base64)),
                other => Response::json(400, object(other, is_base64).to_string()),
            });
        }
        let replies: Vec<Reply> = commands
            .iter()
            .map(|command| backends.execute(self.shared, command, token.unwrap_or(0)))
            .collect::<io::Result<_>>()?;
        if path == Some("/pipeline") {
            return Ok(Response::json(200, objects(replies, is_base64)));
        }
        let status = if matches!(replies[..], [Reply::Error(_)]) { 400 } else { 200 };
        let response = |reply| Response::json(status, object(reply, is_base64).to_string());
        Ok(replies.into_iter().next().map_or_else(|| Response::error(400, "ERR empty command"), response))
    }
}

fn objects(replies: Vec<Reply>, is_base64: bool) -> String {
    Value::Array(replies.into_iter().map(|reply| object(reply, is_base64)).collect()).to_string()
}

/// The channels of a request to subscribe: the parts of the path, as the arguments of any other command.
fn channels(request: &Request) -> Option<Vec<Vec<u8>>> {
    let path = request.path.split('?').next()?.strip_prefix("/subscribe/")?;
    Some(path.split('/').map(decoded).collect())
}

/// The commands of a request.
fn commands(request: &Request) -> Option<Vec<Vec<Vec<u8>>>> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    match path {
        "/pipeline" | "/multi-exec" => {
            let body: Value = serde_json::from_slice(&request.body).ok()?;
            body.as_array()?.iter().map(command).collect()
        }
        "/" => Some(vec![command(&serde_json::from_slice(&request.body).ok()?)?]),
        _ => Some(vec![command_of_path(path, query, &request.body)]),
    }
}

/// A command whose arguments are the parts of the path, then the body, then the parameters.
fn command_of_path(path: &str, query: &str, body: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.trim_start_matches('/').split('/').map(decoded);
    let body = (!body.is_empty()).then(|| body.to_vec());
    let parameters = query.split(['&', '=']).filter(|word| !word.is_empty()).map(decoded);
    parts.chain(body).chain(parameters).collect()
}

/// The texts of Upstash (<https://upstash.com/docs/redis/troubleshooting/http_unauthorized> and its neighbours).
fn text_of(status: u16) -> &'static str {
    match status {
        400 => "ERR syntax error",
        401 => "WRONGPASS invalid or missing auth token",
        405 => "ERR method not allowed",
        429 => "ERR max requests limit exceeded. Limit: 10000, Usage: 10000.",
        _ => "internal server error",
    }
}
