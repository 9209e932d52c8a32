//! Redis over RESP2, with replies of any bytes.

use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};

use crate::acl::{PASSWORD, USER};

/// A reply of RESP2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Nil,
    Array(Vec<Reply>),
}

/// A connection to Redis as the user with the rights of a service.
#[derive(Debug)]
pub(super) struct RespConnection {
    stream: BufReader<TcpStream>,
}

impl RespConnection {
    pub(super) fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream: BufReader::new(stream) };
        connection.call(&[b"AUTH".to_vec(), USER.into(), PASSWORD.into()])?;
        Ok(connection)
    }

    /// Sends a command, and waits for its reply.
    pub(super) fn call(&mut self, command: &[Vec<u8>]) -> io::Result<Reply> {
        self.send(command)?;
        self.receive()
    }

    pub(super) fn send(&mut self, command: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
        for part in command {
            bytes.extend(format!("${}\r\n", part.len()).into_bytes());
            bytes.extend(part);
            bytes.extend(b"\r\n");
        }
        self.stream.get_mut().write_all(&bytes)
    }

    pub(super) fn receive(&mut self) -> io::Result<Reply> {
        receive(&mut self.stream)
    }

    /// Returns what ends the connection from another thread.
    pub(super) fn closer(&self) -> io::Result<impl Fn() + Send + 'static + use<>> {
        let stream = self.stream.get_ref().try_clone()?;
        Ok(move || drop(stream.shutdown(Shutdown::Both)))
    }
}

fn receive(stream: &mut impl BufRead) -> io::Result<Reply> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end_matches(['\r', '\n']);
    let (kind, text) = line.split_at_checked(1).ok_or(io::ErrorKind::InvalidData)?;
    let number = || text.parse::<i64>().map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
    match kind {
        "+" => Ok(Reply::Simple(text.to_owned())),
        "-" => Ok(Reply::Error(text.to_owned())),
        ":" => Ok(Reply::Integer(number()?)),
        "$" => match usize::try_from(number()?) {
            Ok(length) => bulk(stream, length),
            Err(_) => Ok(Reply::Nil),
        },
        "*" => match usize::try_from(number()?) {
            Ok(count) => Ok(Reply::Array((0..count).map(|_| receive(stream)).collect::<io::Result<_>>()?)),
            Err(_) => Ok(Reply::Nil),
        },
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn bulk(stream: &mut impl BufRead, length: usize) -> io::Result<Reply> {
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes)?;
    bytes.truncate(length);
    Ok(Reply::Bulk(bytes))
}
