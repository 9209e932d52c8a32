//! The reading instance: its connections, its heartbeats and its local tier.

use super::servers::{Key, SERVERS, Servers};
use super::state::{LEASE, Mark, State};
use super::{ClusterSize, ClusterVariant, Steps};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Instance {
    /// The servers that it is connected and subscribed to.
    pub(super) connected: Servers,
    /// What is on its way from each of them.
    buses: [Vec<Message>; 4],
    heartbeat: Option<Heartbeat>,
    /// The heartbeats that are left to send.
    heartbeats: u8,
    trusted_until: u8,
    pub(super) local: Option<Local>,
    /// The expiry of a registration that it has heard of.
    pub(super) pending: Option<u8>,
    pub(super) epoch: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Local {
    pub(super) value: u8,
    /// The expiry of the registration that its generation had.
    pub(super) until: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Message {
    Invalidation,
    Registered { until: u8 },
    Finished,
    Heartbeat,
}

/// A heartbeat in transit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Heartbeat {
    sent: u8,
    /// The servers that are left to execute it; `None` until they were asked for their views.
    left: Option<Servers>,
    /// The servers over whose bus it has not returned.
    missing: Servers,
}

impl Instance {
    /// It is connected to both shards.
    pub(super) fn new(epoch: Mark, size: &ClusterSize) -> Self {
        Self {
            connected: [true, true, false, false],
            buses: [const { Vec::new() }; 4],
            heartbeat: None,
            heartbeats: size.heartbeats,
            trusted_until: if size.is_cold { 0 } else { LEASE },
            local: (!size.is_cold).then_some(Local { value: 0, until: None }),
            pending: None,
            epoch,
        }
    }

    pub(super) fn receives(&mut self, server: usize, message: Message) {
        if self.connected[server] {
            self.buses[server].push(message);
        }
    }

    /// What a read gets from the local tier.
    pub(super) fn local_hit(&self, now: u8) -> Option<u8> {
        self.local.filter(|_| now < self.trusted_until).map(|local| local.value)
    }

    fn close(&mut self, server: usize) {
        self.connected[server] = false;
        self.buses[server].clear();
    }

    /// A heartbeat that a server was to return, and that is left, never counts.
    fn forget_heartbeat(&mut self) {
        self.heartbeat = None;
        self.buses.iter_mut().for_each(|bus| bus.retain(|message| *message != Message::Heartbeat));
    }
}

impl State {
    /// `Servers::refresh`: connects to servers that are new, and leaves those that are gone.
    pub(super) fn refresh(&mut self, variant: ClusterVariant) {
        let primaries = self.redis.primaries;
        if primaries != self.instance.connected && variant != ClusterVariant::NoFlush {
            self.flush();
        }
        for server in SERVERS.into_iter().filter(|server| !primaries[*server]) {
            self.instance.close(server);
        }
        self.instance.connected = primaries;
        let is_missing = |heartbeat: &Heartbeat| SERVERS.iter().any(|at| heartbeat.missing[*at] && !primaries[*at]);
        if self.instance.heartbeat.as_ref().is_some_and(is_missing) {
            self.instance.forget_heartbeat();
        }
    }

    /// The connection ends as a whole, and there is another one.
    fn reconnect(&mut self) {
        self.instance.forget_heartbeat();
        self.instance.trusted_until = 0;
        self.instance.buses = [const { Vec::new() }; 4];
        self.instance.connected = self.redis.primaries;
        self.flush();
        self.readers.iter_mut().for_each(super::readers::Reader::disconnected);
        self.receive_epoch();
    }

    fn receive_epoch(&mut self) {
        let epoch = self.redis.epoch_seen();
        if epoch != self.instance.epoch {
            self.instance.epoch = epoch;
            self.flush();
        }
        let now = self.now;
        self.writers.iter_mut().for_each(|writer| writer.epoch_received(epoch.token, now));
    }

    /// PULSE, and on the server of the epoch HEARTBEAT.
    fn execute_heartbeat(&mut self, variant: ClusterVariant, server: usize) {
        // It writes a key, which only a primary accepts.
        if !self.redis.primaries[server] {
            return self.reconnect();
        }
        if let Some(heartbeat) = &mut self.instance.heartbeat {
            if let Some(left) = &mut heartbeat.left {
                left[server] = false;
            }
            if variant == ClusterVariant::LeaseFromLastSending {
                heartbeat.sent = self.now;
            }
        }
        self.instance.receives(server, Message::Heartbeat);
        if server == self.server_of(Key::Epoch) {
            self.receive_epoch();
        }
    }

    /// A heartbeat has returned over the bus of a server.
    fn heartbeat_returned(&mut self, variant: ClusterVariant, server: usize) {
        let Some(heartbeat) = &mut self.instance.heartbeat else { return };
        heartbeat.missing[server] = false;
        let Heartbeat { sent, missing, .. } = *heartbeat;
        let is_last = missing == [false; 4];
        if is_last || variant == ClusterVariant::FirstServerCounts {
            let from = if variant == ClusterVariant::LeaseFromArrival { self.now } else { sent };
            self.instance.trusted_until = self.instance.trusted_until.max(from + LEASE);
        }
        if is_last {
            self.instance.heartbeat = None;
        }
    }

    fn deliver(&mut self, variant: ClusterVariant, server: usize) {
        match self.instance.buses[server].remove(0) {
            Message::Invalidation => self.flush(),
            Message::Registered { until } if until <= self.now => self.flush(),
            Message::Registered { until } => self.instance.pending = Some(until),
            Message::Finished => self.instance.pending = None,
            Message::Heartbeat => self.heartbeat_returned(variant, server),
        }
    }
}

impl Steps<'_> {
    pub(super) fn heartbeat(&mut self) {
        let (variant, connected) = (self.variant, self.state.instance.connected);
        match self.state.instance.heartbeat {
            None if self.state.instance.heartbeats == 0 => {}
            None => self.add(format_args!("a heartbeat begins"), |state| {
                state.instance.heartbeats -= 1;
                let left = (variant == ClusterVariant::NoViews).then_some(connected);
                state.instance.heartbeat = Some(Heartbeat { sent: state.now, left, missing: connected });
            }),
            Some(Heartbeat { left: None, sent, .. }) => {
                self.add(format_args!("the servers are asked for their views"), |state| {
                    state.refresh(variant);
                    let connected = state.instance.connected;
                    state.instance.heartbeat = Some(Heartbeat { sent, left: Some(connected), missing: connected });
                });
            }
            Some(Heartbeat { left: Some(left), .. }) => {
                for server in SERVERS.into_iter().filter(|server| left[*server]) {
                    self.add(format_args!("server {server} executes the heartbeat"), |state| {
                        state.execute_heartbeat(variant, server);
                    });
                }
            }
        }
    }

    pub(super) fn messages(&mut self) {
        let variant = self.variant;
        for server in SERVERS {
            if let Some(message) = self.state.instance.buses[server].first() {
                let message = *message;
                self.add(format_args!("{message:?} arrives from server {server}"), |state| {
                    state.deliver(variant, server);
                });
            }
        }
    }

    /// The connection to the process that failed is lost.
    pub(super) fn loss(&mut self) {
        let is_lost = |server: usize| self.state.instance.connected[server] && !self.state.redis.primaries[server];
        if self.size.failover.is_some_and(is_lost) {
            self.add(format_args!("the connection is lost, and made again"), State::reconnect);
        }
    }
}
