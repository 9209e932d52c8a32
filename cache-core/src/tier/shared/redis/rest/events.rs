//! The events of a subscription, which are lines (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! `data: subscribe,<channel>,<count>` confirms a channel, and `data: message,<channel>,<text>` is a message
//! (<https://upstash.com/docs/redis/features/restapi#subscribe-publish-commands>). Messages are one line: keys escape
//! control characters.

/// The most bytes of a line. A longer one is not from the cache.
const MAX_LINE: usize = 1024 * 1024;

/// An event of a subscription to known channels.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// The channel with this index is subscribed.
    Subscribed(usize),
    /// A message on one of the channels.
    Message(&'a [u8]),
    /// The end of a subscription, or an event on a channel that is not known: messages may be lost.
    Unknown,
}

/// Splits pieces into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

/// A line without an end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// Adds a piece, and passes each complete line on.
    pub(super) fn add(&mut self, piece: &[u8], mut line: impl FnMut(&[u8])) -> Result<(), TooLong> {
        let mut lines = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = lines.next() {
            self.rest.extend_from_slice(part);
            if lines.peek().is_some() {
                line(self.rest.strip_suffix(b"\r").unwrap_or(&self.rest));
                self.rest.clear();
            }
        }
        if self.rest.len() > MAX_LINE { Err(TooLong) } else { Ok(()) }
    }
}

/// Parses a line; `None` if it is none of a subscription, such as one that keeps the connection open.
///
/// A subscription that does not work has no heartbeat: other events need no reaction.
pub(super) fn event<'a>(line: &'a [u8], channels: &[String]) -> Option<Event<'a>> {
    let data = line.strip_prefix(b"data:")?;
    let data = data.strip_prefix(b" ").unwrap_or(data);
    let at = data.iter().position(|byte| *byte == b',').unwrap_or(data.len());
    let (kind, rest) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    match (kind, channel(rest, channels)) {
        (b"subscribe", Some((channel, _))) => Some(Event::Subscribed(channel)),
        (b"message", Some((_, text))) => Some(Event::Message(text)),
        (b"subscribe" | b"message" | b"unsubscribe", _) => Some(Event::Unknown),
        _ => None,
    }
}

/// Finds the channel, whose name may contain a comma: the longest one that fits.
fn channel<'a>(rest: &'a [u8], channels: &[String]) -> Option<(usize, &'a [u8])> {
    let after = |name: &String| rest.strip_prefix(name.as_bytes())?.strip_prefix(b",");
    let fitting = channels.iter().enumerate().filter_map(|(place, name)| Some((place, after(name)?)));
    fitting.min_by_key(|(_, text)| text.len())
}

/// The path of a subscription to channels, each of which is a part of it, as the arguments of any other command
/// (<https://upstash.com/docs/redis/features/restapi#api-semantics>).
pub(super) fn path(channels: &[String]) -> String {
    channels.iter().fold("/subscribe".to_owned(), |path, channel| format!("{path}/{}", escaped(channel)))
}

/// Escapes what has a meaning in a path (<https://www.rfc-editor.org/rfc/rfc3986#section-3.3>).
fn escaped(part: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    part.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels() -> Vec<String> {
        ["ns:beat:1", "ns:bus:0", "ns:bus:0,x:bus:0"].map(str::to_owned).into()
    }

    #[test]
    fn each_documented_event_is_parsed() {
        let channels = channels();
        let message = |text: &'static str| Some(Event::Message(text.as_bytes()));
        for (line, expected) in [
            ("data: subscribe,ns:bus:0,2", Some(Event::Subscribed(1))),
            ("data:subscribe,ns:beat:1,1", Some(Event::Subscribed(0))),
            ("data: message,ns:bus:0,I ns:e:a,b", message("I ns:e:a,b")),
            ("data: message,ns:bus:0,", message("")),
            ("data: message,ns:bus:0,x:bus:0,I a", message("I a")),
            ("", None),
            (": keep-alive", None),
            ("event: message", None),
            ("data: message,other:bus:0,I a", Some(Event::Unknown)),
            ("data: message,ns:bus:0", Some(Event::Unknown)),
            ("data: unsubscribe,ns:bus:0,0", Some(Event::Unknown)),
            ("data: message", Some(Event::Unknown)),
            ("data: ping", None),
            ("data: ERR no permissions", None),
            ("data: {\"error\":\"x\"}", None),
        ] {
            assert_eq!(event(line.as_bytes(), &channels), expected, "{line}");
        }
    }

    #[test]
    fn a_line_may_arrive_in_pieces() {
        let text = b"data: a\n\ndata: b\r\n\r\ndata: c";
        for size in 1..text.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                lines.add(piece, |line| found.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
            }
            assert_eq!(found, ["data: a", "", "data: b", ""], "pieces of {size}");
            assert_eq!(lines.rest, b"data: c");
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut lines = Lines::default();
        let added = (0..2).map(|_| lines.add(&vec![b'x'; MAX_LINE], |_| ())).collect::<Vec<_>>();
        assert_eq!(added, [Ok(()), Err(TooLong)]);
    }

    #[test]
    fn a_channel_is_one_part_of_the_path() {
        let channels = ["ns:bus:0", "a/b?c#d e%é"].map(str::to_owned);
        assert_eq!(path(&channels), "/subscribe/ns:bus:0/a%2Fb%3Fc%23d%20e%25%C3%A9");
    }
}
