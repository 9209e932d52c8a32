//! Handles the messages of one connection.

use std::sync::Arc;

use super::Coherence;
use crate::protocol::{Bus, Message, ScopeHash};
use crate::runtime::sync::atomic::Ordering;

/// The bus of one connection of this instance.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) coherence: Arc<Coherence>,
    /// The number of the connection.
    pub(crate) connection: u64,
}

impl Bus for Listener {
    fn message(&self, payload: &[u8]) {
        let coherence = &self.coherence;
        match Message::parse(payload) {
            Some(Message::Invalidated { scope }) => {
                coherence.freshness.advance_name(scope);
                coherence.invalidations.fetch_add(1, Ordering::Release);
            }
            Some(Message::Heartbeat { nonce }) => coherence.heartbeat_returned(self.connection, nonce),
            Some(Message::Registered { expiry, writer, method }) => {
                coherence.writer_registered(ScopeHash::of_name(method), writer, expiry);
            }
            Some(Message::Finished { writer, method }) => {
                coherence.pending_writers.remove(ScopeHash::of_name(method), writer);
            }
            Some(Message::Requested { member }) if coherence.membership.requested(member) => {
                coherence.signals.due.notify_one();
            }
            Some(Message::Announced { member }) if coherence.membership.announced(member) => {
                coherence.signals.due.notify_one();
            }
            Some(Message::Requested { .. } | Message::Announced { .. }) | None => {}
        }
    }

    fn missed(&self) {
        self.coherence.flush();
    }

    fn disconnected(&self) {
        self.coherence.close_connection(self.connection);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Settings;
    use crate::freshness::MethodEntries as _;
    use crate::freshness::probe::Probe;
    use crate::process::Process;
    use crate::protocol::Backend;
    use crate::runtime::Clock;

    const METHOD: &str = "ns:e:*";

    fn listener() -> Listener {
        let settings = Settings { lease: Duration::from_secs(1), ..Settings::default() };
        let process = Process::new(Clock::default(), settings, Backend::Memory);
        Listener { coherence: Arc::new(Coherence::new(Arc::new(process))), connection: 1 }
    }

    /// Without a connection the server's clock is unknown: the expiry has no local time.
    #[test]
    fn a_registration_without_a_known_clock_invalidates_the_method_at_once() {
        let listener = listener();
        let freshness = &listener.coherence.freshness;
        let [method, other] = [METHOD, "ns:f:*"].map(|name| Probe::on(freshness, ScopeHash::of_name(name.as_bytes())));
        listener.message(b"R 0a ns:e:*");
        listener.message(b"P 17 ns:e:*");
        assert_eq!(method.sequence(), 0);
        listener.message(b"P 17 0a ns:e:*");
        assert_eq!((method.sequence(), other.sequence()), (1, 0));
        assert_eq!(listener.coherence.pending_writers.len(), 0);
    }
}
