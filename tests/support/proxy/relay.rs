//! The threads of one connection: for each flow a reader and a writer.

use std::io::{self, Read as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::{Connection, Ending};
use super::flow::Flow;
use super::shared::Shared;

const CHUNK: usize = 16 * 1024;
/// The maximum number of waiting chunks in a flow, beyond which its sender blocks.
const WAITING: usize = 64;
/// The pause between two slices, so that the receiver reads each one separately.
const BETWEEN_PIECES: Duration = Duration::from_micros(50);
const TIME_TO_CONNECT: Duration = Duration::from_secs(5);

/// The data of a read, and its due time at the other end. Empty at the end of the flow.
struct Chunk {
    bytes: Vec<u8>,
    due: Instant,
}

/// Serves a client until its connection has ended.
pub(super) fn serve(shared: &Arc<Shared>, client: TcpStream) {
    let Ok(connection) = Connection::new(client).map(Arc::new) else { return };
    let number = shared.add(&connection);
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        if relay(&shared, &connection).is_err() {
            shared.end(&connection, Ending::Reset);
        }
        // The sockets close with the last reference, and a wait for the removal relies on that.
        drop(connection);
        shared.remove(number);
    });
}

fn relay(shared: &Shared, connection: &Connection) -> io::Result<()> {
    if !shared.wait(Flow::ToServer, connection, Instant::now()) {
        return Ok(());
    }
    let upstream = shared.lock().upstream;
    let server = TcpStream::connect_timeout(&upstream, TIME_TO_CONNECT)?;
    if !shared.connected(connection, server)? {
        return Ok(());
    }
    thread::scope(|scope| {
        for flow in Flow::BOTH {
            let (sender, receiver) = sync_channel(WAITING);
            scope.spawn(move || read_from(shared, connection, flow, &sender));
            scope.spawn(move || {
                if send_on(shared, connection, flow, &receiver).is_err() {
                    shared.end(connection, Ending::Closed);
                }
            });
        }
    });
    Ok(())
}

/// Ends with the flow, and with the thread that takes the chunks.
fn read_from(shared: &Shared, connection: &Connection, flow: Flow, chunks: &SyncSender<Chunk>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = connection.source(flow).and_then(|mut source| source.read(&mut buffer));
        let Ok(length) = read else {
            return shared.end(connection, Ending::Closed);
        };
        if flow == Flow::ToServer {
            connection.begins_with(&buffer[..length]);
        }
        let due = Instant::now() + shared.rules(connection).latency[flow];
        if chunks.send(Chunk { bytes: buffer[..length].to_vec(), due }).is_err() || length == 0 {
            return;
        }
    }
}

fn send_on(shared: &Shared, connection: &Connection, flow: Flow, chunks: &Receiver<Chunk>) -> io::Result<()> {
    let mut requests = Requests::default();
    for Chunk { bytes, due } in chunks {
        if !shared.wait(flow, connection, due) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match flow {
            _ if bytes.is_empty() => connection.target(flow)?.shutdown(Shutdown::Write)?,
            Flow::ToServer => requests.send(shared, connection, &bytes)?,
            Flow::ToClient => answer(shared, connection, &bytes)?,
        }
    }
    Ok(())
}

/// The flow of requests, and the last chunk's end, since a match may span chunks.
#[derive(Default)]
struct Requests {
    tail: Vec<u8>,
}

impl Requests {
    fn send(&mut self, shared: &Shared, connection: &Connection, bytes: &[u8]) -> io::Result<()> {
        let rules = shared.rules(connection);
        if let Some(ending) = rules.refused {
            shared.end(connection, ending);
            return Ok(());
        }
        if let Some(part) = rules.reset_after {
            self.tail.extend_from_slice(bytes);
            if self.tail.windows(part.len().max(1)).any(|window| *window == *part) {
                connection.doomed.store(true, Ordering::Release);
            }
            self.tail.drain(..self.tail.len().saturating_sub(part.len()));
        }
        send_sliced(shared, connection, Flow::ToServer, bytes)
    }
}

fn answer(shared: &Shared, connection: &Connection, bytes: &[u8]) -> io::Result<()> {
    if connection.doomed.load(Ordering::Acquire) && shared.rules(connection).reset_after.is_some() {
        shared.break_off(connection, Ending::Reset);
        return Ok(());
    }
    let (allowed, closes) = shared.allowance(bytes.len());
    send_sliced(shared, connection, Flow::ToClient, &bytes[..allowed])?;
    if closes {
        shared.break_off(connection, Ending::Closed);
    }
    Ok(())
}

fn send_sliced(shared: &Shared, connection: &Connection, flow: Flow, bytes: &[u8]) -> io::Result<()> {
    let Some(size) = shared.rules(connection).slice else {
        return connection.send(flow, bytes);
    };
    for piece in bytes.chunks(size) {
        connection.send(flow, piece)?;
        thread::sleep(BETWEEN_PIECES);
    }
    Ok(())
}
