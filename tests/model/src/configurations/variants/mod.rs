//! Each protection taken out: the search must find what it is for.

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
