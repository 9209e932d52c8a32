//! One connection: its two sockets, and its end.

use std::io::{self, ErrorKind, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::flow::Flow;

/// How long a write may block before it checks whether its connection has ended.
const PATIENCE: Duration = Duration::from_millis(20);

/// How many bytes belong to the beginning of a connection, by which it can be recognised.
const BEGINNING: usize = 512;

/// How a connection ends for its client. The server always sees it closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As by a peer that has finished (FIN).
    Closed,
    /// As by a machine without that connection (RST).
    Reset,
}

#[derive(Debug)]
pub(super) struct Connection {
    client: TcpStream,
    server: OnceLock<TcpStream>,
    /// The first bytes of the client.
    beginning: Mutex<Vec<u8>>,
    /// Drops the next bytes of the server: the client receives a reset instead.
    pub(super) doomed: AtomicBool,
    ended: AtomicBool,
}

impl Connection {
    pub(super) fn new(client: TcpStream) -> io::Result<Self> {
        prepare(&client)?;
        let (server, beginning) = (OnceLock::new(), Mutex::default());
        Ok(Self { client, server, beginning, doomed: AtomicBool::new(false), ended: AtomicBool::new(false) })
    }

    /// Records bytes of the client, unless its beginning is complete.
    pub(super) fn begins_with(&self, bytes: &[u8]) {
        let mut beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = BEGINNING - beginning.len();
        beginning.extend_from_slice(&bytes[..bytes.len().min(missing)]);
    }

    /// Whether the beginning contains `part`.
    pub(super) fn began_with(&self, part: &[u8]) -> bool {
        let beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        beginning.windows(part.len().max(1)).any(|window| window == part)
    }

    pub(super) fn connected_to(&self, server: TcpStream) -> io::Result<()> {
        prepare(&server)?;
        self.server.set(server).map_err(|_| ErrorKind::AlreadyExists.into())
    }

    /// The source of this flow.
    pub(super) fn source(&self, flow: Flow) -> io::Result<&TcpStream> {
        match flow {
            Flow::ToServer => Ok(&self.client),
            Flow::ToClient => self.server.get().ok_or_else(|| ErrorKind::NotConnected.into()),
        }
    }

    /// The destination of this flow.
    pub(super) fn target(&self, flow: Flow) -> io::Result<&TcpStream> {
        match flow {
            Flow::ToServer => self.source(Flow::ToClient),
            Flow::ToClient => self.source(Flow::ToServer),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Wakes every thread that serves the connection. Only the first ending counts.
    pub(super) fn end(&self, ending: Ending) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(server) = self.server.get() {
            let _ = server.shutdown(Shutdown::Both);
        }
        match ending {
            Ending::Closed => {
                let _ = self.client.shutdown(Shutdown::Both);
            }
            // Without time to linger, closing the socket resets it. Shutting down its read side sends nothing to the
            // peer.
            Ending::Reset => {
                let _ = set_socket_linger(&self.client, Some(Duration::ZERO));
                let _ = self.client.shutdown(Shutdown::Read);
            }
        }
    }

    /// Forwards `bytes` until the connection ends.
    pub(super) fn send(&self, flow: Flow, bytes: &[u8]) -> io::Result<()> {
        let mut target = self.target(flow)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match target.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if may_go_on(error.kind()) && !self.has_ended() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn may_go_on(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))
}
