//! Each protection taken out: the search must find what it is for.

mod fast;
mod flights;
mod local;
mod shared;
mod strict;

use crate::configuration::Configuration;

pub(super) const ALL: [&[Configuration]; 5] = [shared::ALL, local::ALL, flights::ALL, fast::ALL, strict::ALL];
