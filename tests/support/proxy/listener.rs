//! The port of a proxy, which stays reserved while the proxy does not listen.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

use super::relay;
use super::shared::Shared;

const BACKLOG: i32 = 128;

/// The listener for clients, which refuses them while it is closed.
#[derive(Debug)]
pub(super) struct ProxyListener {
    /// Bound, and never listening: no other process receives the port while it is closed.
    _reservation: OwnedFd,
    addr: SocketAddr,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl ProxyListener {
    pub(super) fn new() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let reservation = bound(any).expect("the loopback interface has a free port");
        let addr = net::getsockname(&reservation).ok().and_then(|addr| SocketAddr::try_from(addr).ok());
        Self { addr: addr.expect("a bound socket has an address"), _reservation: reservation, open: None }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Accepts clients, if it does not already.
    pub(super) fn open(&mut self, shared: &Arc<Shared>) {
        if self.open.is_some() {
            return;
        }
        let clients = listen(self.addr).expect("the port is reserved");
        let (shared, closing) = (Arc::clone(shared), Arc::<AtomicBool>::default());
        let closed = Arc::clone(&closing);
        let thread = thread::spawn(move || {
            for client in clients.incoming().flatten() {
                if closed.load(Ordering::Acquire) {
                    return;
                }
                relay::serve(&shared, client);
            }
        });
        self.open = Some(Open { closing, thread });
    }

    /// Refuses clients from now on.
    pub(super) fn close(&mut self) {
        if let Some(Open { closing, thread }) = self.open.take() {
            closing.store(true, Ordering::Release);
            // The thread checks the flag only when a client connects.
            let _ = TcpStream::connect(self.addr);
            let _ = thread.join();
        }
    }
}

/// Binds a socket with `SO_REUSEPORT`: two sockets share a port only if both set it.
///
/// With `SO_REUSEADDR`, any listener could take a port on which no socket listens.
fn bound(addr: SocketAddr) -> io::Result<OwnedFd> {
    // Other tests' servers must not inherit the socket: they would keep the port forever.
    let flags = SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    net::bind(&socket, &addr)?;
    Ok(socket)
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = bound(addr)?;
    net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}
