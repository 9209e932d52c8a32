//! Subscriptions, as streams of events.

use std::io::{self, Read as _};
use std::net::TcpStream;
use std::thread;

use super::http::{begin_events, send_event};
use super::resp::{Reply, RespConnection};

/// Sends what arrives on the channels until one side closes its connection.
///
/// The events have the form that is documented: `data: subscribe,chat,1` and `data: message,chat,hello`
/// (<https://upstash.com/docs/redis/features/restapi#subscribe-publish-commands>).
pub(super) fn serve(primary: u16, channels: Vec<Vec<u8>>, client: &mut TcpStream) -> io::Result<()> {
    let mut subscriber = RespConnection::open(primary)?;
    let close = subscriber.closer()?;
    let mut watched = client.try_clone()?;
    thread::spawn(move || {
        // A client sends nothing more: this returns at the end of its connection.
        let _ = watched.read(&mut [0]);
        close();
    });
    begin_events(client)?;
    subscriber.send(&[vec![b"SUBSCRIBE".to_vec()], channels].concat())?;
    loop {
        match subscriber.receive()? {
            Reply::Array(parts) => send_event(client, &line(&parts))?,
            Reply::Error(text) => send_event(client, text.as_bytes())?,
            _ => {}
        }
    }
}

/// Accepts a subscription, and sends nothing until the client closes its connection.
pub(super) fn serve_nothing(client: &mut TcpStream) -> io::Result<()> {
    begin_events(client)?;
    client.read(&mut [0]).map(drop)
}

fn line(parts: &[Reply]) -> Vec<u8> {
    let part = |part: &Reply| match part {
        Reply::Bulk(bytes) => bytes.clone(),
        Reply::Integer(number) => number.to_string().into_bytes(),
        Reply::Simple(text) | Reply::Error(text) => text.clone().into_bytes(),
        Reply::Nil | Reply::Array(_) => Vec::new(),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(&b',')
}
