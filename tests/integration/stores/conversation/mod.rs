//! Conversations: their storage and visibility, neither of which a cache changes.

mod access_matrix;
mod appends;
mod joined_reads;
mod kinds;
mod row_level_security;
mod tables;
mod tenants;
