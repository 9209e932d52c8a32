//! Each protection taken out: the search must find what it is for.

mod flights;
mod local;
mod shared;
mod strict;

use crate::configuration::Configuration;

pub(super) const ALL: [&[Configuration]; 4] = [shared::ALL, local::ALL, flights::ALL, strict::ALL];
