//! What an operator is told of the connection: one warning for each thing that is to be done about an outage.

use std::sync::Arc;

use super::Link;
use super::link::LinkState;
use crate::tier::remote::RemoteError;

/// Tells of one cache's connection.
#[derive(Debug)]
pub(super) struct Report {
    link: Arc<Link>,
    /// What was advised since the connection was last up. An outage can last for days, and be tried to end every few seconds.
    advised: Vec<&'static str>,
}

impl Report {
    pub(super) fn new(link: &Arc<Link>) -> Self {
        link.set_state(LinkState::Connecting);
        Self { link: Arc::clone(link), advised: Vec::new() }
    }

    pub(super) fn up(&mut self) {
        self.advised.clear();
        self.link.set_state(LinkState::Up);
        tracing::info!(instance = self.link.instance, "the shared tier is connected");
    }

    /// There is no connection.
    pub(super) fn down(&mut self, error: &RemoteError) {
        let text = error.to_string();
        if self.is_news(error) {
            tracing::warn!(
                instance = self.link.instance,
                error = text,
                advice = error.advice(),
                "the shared tier is out of reach: reads go to the store until it is back"
            );
        }
        self.link.set_state(LinkState::Down(text));
    }

    /// The breaker has opened.
    pub(super) fn left_alone(&mut self, error: &RemoteError) {
        let text = format!("too many of its answers were errors or came too late, the last one: {error}");
        if self.is_news(error) {
            tracing::warn!(
                instance = self.link.instance,
                error = text,
                advice = error.advice(),
                "the shared tier is left alone for a while: reads go to the store"
            );
        }
        self.link.set_state(LinkState::LeftAlone(text));
    }

    /// Logs that the server refuses invalidations over a connection that works otherwise.
    pub(super) fn refused(&mut self, error: &RemoteError) {
        if self.is_news(error) {
            tracing::warn!(
                instance = self.link.instance,
                error = error.to_string(),
                advice = error.advice(),
                "the shared tier refuses invalidations: they are retried, and the other instances bypass it until they succeed"
            );
        }
    }

    /// Logs the members that did not return within the limit.
    pub(super) fn isolated(&self, members: &[String]) {
        if !members.is_empty() {
            tracing::warn!(
                instance = self.link.instance,
                members = members.join(" "),
                "instances have not returned after an outage: this instance may miss their writes until they do"
            );
        }
    }

    /// Whether there is something to do that was not said in this outage.
    fn is_news(&mut self, error: &RemoteError) -> bool {
        let known = self.advised.contains(&error.advice());
        if !known {
            self.advised.push(error.advice());
        }
        !known
    }
}
