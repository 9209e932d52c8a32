//! The members of a namespace: the instances that share it.
//!
//! Each heartbeat registers its instance and returns the list. After an outage an instance waits for the members in it.

/// One instance, as its last heartbeat describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The id of the instance.
    pub(crate) id: String,
    /// The sequence number of its last heartbeat within the namespace.
    pub(crate) sequence: u64,
    /// When the server executed that heartbeat, in milliseconds of the server's clock.
    pub(crate) last: u64,
    /// The number of its undelivered invalidations.
    pub(crate) pending: u64,
    /// Whether it was outside the recovery barrier.
    pub(crate) settled: bool,
    /// The server process that it was connected to.
    pub(crate) run: String,
    /// Its lease, in milliseconds.
    pub(crate) lease: u64,
}

impl Member {
    /// Parses the fields as the server stores them, without the id.
    #[cfg(any(feature = "redis", test))]
    pub(crate) fn parse(id: &str, value: &str) -> Option<Self> {
        let mut fields = value.split(':');
        let mut number = || fields.next()?.parse::<u64>().ok();
        let (sequence, last, pending, settled, lease) = (number()?, number()?, number()?, number()?, number()?);
        let run = fields.next()?.to_owned();
        Some(Self { id: id.to_owned(), sequence, last, pending, settled: settled == 1, run, lease })
    }
}

/// The members of one namespace, as a heartbeat reply lists them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Members {
    /// The sequence number of the heartbeat that the server replied to.
    pub(crate) sequence: u64,
    /// Whether the server already listed the sender before this heartbeat.
    pub(crate) knew_me: bool,
    /// All instances, including the sender.
    pub(crate) list: Vec<Member>,
}
