//! The conversations: what is stored, who sees it, and that a cache changes neither.

mod access_matrix;
mod appends;
mod joined_reads;
mod kinds;
mod row_level_security;
mod tables;
mod tenants;
