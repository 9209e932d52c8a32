//! The protocol with each protection disabled: the search must find the race that it prevents.

mod barrier;
mod degraded;
mod fast;
mod flights;
mod local;
mod pending;
mod sessions;
mod shared;
mod strict;

use crate::configuration::Configuration;

pub(super) const ALL: [&[Configuration]; 9] = [
    shared::ALL,
    local::ALL,
    flights::ALL,
    degraded::ALL,
    fast::ALL,
    strict::ALL,
    sessions::ALL,
    barrier::ALL,
    pending::ALL,
];
