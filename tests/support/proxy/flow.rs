//! The two flows of a connection.

use std::ops::{Index, IndexMut};

/// The direction of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
    /// Both.
    Both,
}

/// One of the flows of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    ToServer,
    ToClient,
}

impl Flow {
    pub(super) const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

impl Direction {
    pub(super) fn flows(self) -> impl Iterator<Item = Flow> {
        Flow::BOTH.into_iter().filter(move |flow| match self {
            Self::ToServer => *flow == Flow::ToServer,
            Self::ToClient => *flow == Flow::ToClient,
            Self::Both => true,
        })
    }
}

/// Something for each of the flows.
#[derive(Debug, Clone, Default)]
pub(super) struct EachFlow<T> {
    to_server: T,
    to_client: T,
}

impl<T> Index<Flow> for EachFlow<T> {
    type Output = T;

    fn index(&self, flow: Flow) -> &T {
        match flow {
            Flow::ToServer => &self.to_server,
            Flow::ToClient => &self.to_client,
        }
    }
}

impl<T> IndexMut<Flow> for EachFlow<T> {
    fn index_mut(&mut self, flow: Flow) -> &mut T {
        match flow {
            Flow::ToServer => &mut self.to_server,
            Flow::ToClient => &mut self.to_client,
        }
    }
}
