//! Which server is the primary, by the answers of all sentinels.
//!
//! The newest answer counts, not the first one: a sentinel that was cut off from the others before a fail-over goes on
//! naming the old primary, and is often the nearest. Each fail-over has a configuration epoch of its own, which a
//! majority of the sentinels has agreed on, so the highest epoch is the latest configuration.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::super::target::Target;
use super::question;
use crate::protocol::{TierError, TierErrorKind};
use crate::runtime::Clock;

/// How long to wait for the first answer.
const FIRST: Duration = Duration::from_secs(1);
/// How long to wait for the other answers after the first one. A sentinel that is silent delays each connection by this.
const OTHERS: Duration = Duration::from_millis(250);

const PARTITIONED: &str = "check the network to the other sentinels: those that answer have missed a fail-over";

/// The primary that a sentinel has named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Primary {
    /// Host and port.
    pub(super) address: (String, u16),
    /// The configuration epoch of the answer.
    pub(super) epoch: u64,
}

impl Primary {
    /// Whether this is another server than `known`, by a later configuration.
    pub(super) fn replaces(&self, known: &Self) -> bool {
        self.epoch > known.epoch && self.address != known.address
    }
}

/// The answers of the sentinels of one address.
#[derive(Debug)]
pub(super) struct Answers {
    /// The number of sentinels that were asked.
    asked: usize,
    primaries: Vec<Primary>,
    errors: Vec<TierError>,
}

/// Asks all sentinels at the same time.
pub(super) async fn ask_all(sentinels: &[Target], name: &str) -> Answers {
    let clock = Clock::default();
    let mut asked: FuturesUnordered<_> = sentinels.iter().map(|sentinel| question::primary(sentinel, name)).collect();
    let mut answers = Answers::new(sentinels.len());
    let first = async {
        while let Some(answer) = asked.next().await
            && !answers.add(answer)
        {}
    };
    let _ = clock.timeout(FIRST, first).await;
    let others = async {
        while let Some(answer) = asked.next().await {
            answers.add(answer);
        }
    };
    let _ = clock.timeout(OTHERS, others).await;
    answers
}

impl Answers {
    fn new(asked: usize) -> Self {
        Self { asked, primaries: Vec::new(), errors: Vec::new() }
    }

    /// Adds an answer; returns whether it names a primary.
    fn add(&mut self, answer: Result<Primary, TierError>) -> bool {
        let names_one = answer.is_ok();
        match answer {
            Ok(primary) => self.primaries.push(primary),
            Err(error) => self.errors.push(error),
        }
        names_one
    }

    /// Returns the newest answer; `newest` is the highest epoch that this process knows of.
    ///
    /// Older answers count only if they come from more than half of the sentinels: those cannot all have missed a
    /// fail-over, so the sentinels were set up again, and count from the beginning.
    pub(super) fn judge(self, newest: u64) -> Result<Primary, TierError> {
        let are_most = self.primaries.len() * 2 > self.asked;
        let Some(primary) = self.primaries.into_iter().max_by_key(|primary| primary.epoch) else {
            return Err(most_helpful(self.errors));
        };
        if primary.epoch < newest && !are_most {
            let message = "the sentinels that answer name a primary from before the last fail-over";
            return Err(TierError::new(TierErrorKind::Disconnected, message).advising(PARTITIONED));
        }
        Ok(primary)
    }
}

/// Of the errors of several sentinels, one of a sentinel that has replied.
fn most_helpful(errors: Vec<TierError>) -> TierError {
    let is_reply = |error: &TierError| !matches!(error.kind(), TierErrorKind::Disconnected | TierErrorKind::Timeout);
    let at = errors.iter().position(is_reply).unwrap_or(0);
    errors.into_iter().nth(at).unwrap_or_else(|| TierError::timeout("the question to the sentinels"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "the answers of a table have one type")]
    fn named(host: &str, epoch: u64) -> Result<Primary, TierError> {
        Ok(Primary { address: (host.to_owned(), 1), epoch })
    }

    fn refused() -> Result<Primary, TierError> {
        Err(TierError::new(TierErrorKind::Refused, "refused"))
    }

    fn lost() -> Result<Primary, TierError> {
        Err(TierError::disconnected("lost"))
    }

    /// The host of the answer, or its error.
    fn judged<const N: usize>(asked: usize, newest: u64, given: [Result<Primary, TierError>; N]) -> String {
        let mut answers = Answers::new(asked);
        for answer in given {
            answers.add(answer);
        }
        answers.judge(newest).map_or_else(|error| error.to_string(), |primary| primary.address.0)
    }

    #[test]
    fn the_newest_answer_counts() {
        assert_eq!(judged(3, 0, [named("old", 1), named("new", 2), named("old", 1)]), "new");
        assert_eq!(judged(3, 2, [named("new", 2), lost(), refused()]), "new");
    }

    #[test]
    fn an_answer_from_before_a_known_fail_over_needs_a_majority() {
        const OUTDATED: &str = "the sentinels that answer name a primary from before the last fail-over";
        assert_eq!(judged(3, 2, [named("old", 1)]), OUTDATED);
        assert_eq!(judged(4, 2, [named("old", 1), named("old", 1), lost()]), OUTDATED);
        assert_eq!(judged(3, 2, [named("other", 0), named("other", 0)]), "other");
        assert_eq!(judged(1, 2, [named("other", 0)]), "other");
    }

    #[test]
    fn without_an_answer_the_error_of_a_sentinel_that_replied_is_told() {
        assert_eq!(judged(3, 0, [lost(), refused(), lost()]), "refused");
        assert_eq!(judged(3, 0, [lost()]), "lost");
        assert_eq!(judged(3, 0, []), "the question to the sentinels took too long");
    }

    #[test]
    fn only_another_server_by_a_later_configuration_replaces_the_primary() {
        let known = named("known", 2).unwrap();
        for (other, replaces) in [(named("other", 3), true), (named("known", 3), false), (named("other", 2), false)] {
            assert_eq!(other.unwrap().replaces(&known), replaces);
        }
    }
}
