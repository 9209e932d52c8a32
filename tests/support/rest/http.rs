//! HTTP/1.1, as far as a client of the REST interface uses it.

use std::io::{self, BufRead, Write};

/// A request with its body.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection; `None` at its end.
    pub(super) fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut request = Self { method, path, ..Self::default() };
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        request.body = vec![0; length];
        stream.read_exact(&mut request.body)?;
        Ok(Some(request))
    }

    /// A header by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A response whose body is complete.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
    pub(super) sync_token: Option<String>,
}

impl Response {
    pub(super) fn json(status: u16, body: String) -> Self {
        Self { status, content_type: "application/json", body, sync_token: None }
    }

    pub(super) fn error(status: u16, text: &str) -> Self {
        Self::json(status, serde_json::json!({ "error": text }).to_string())
    }

    pub(super) fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let token = self.sync_token.as_ref().map(|token| format!("Upstash-Sync-Token: {token}\r\n"));
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}Content-Length: {}\r\n\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            token.unwrap_or_default(),
            self.body.len()
        );
        stream.write_all(&[head.as_bytes(), self.body.as_bytes()].concat())
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    }
}

/// Begins a response of which pieces follow (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
pub(super) fn begin_events(stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
}

/// Sends one event as a chunk of its own.
pub(super) fn send_event(stream: &mut impl Write, data: &[u8]) -> io::Result<()> {
    let event = [b"data: ", data, b"\n\n"].concat();
    stream.write_all(&[format!("{:x}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat())
}

/// Decodes the escapes of a part of a path.
pub(super) fn decoded(part: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}
