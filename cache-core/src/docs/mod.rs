//! Pages of documentation, without code.
//!
//! Each page is a Markdown file beside this module. Tests compare the tables of the pages with the code, and the
//! examples are documentation tests.

/// The consistency guarantees, the events that break them, and for how long.
#[doc = include_str!("consistency.md")]
pub mod consistency {}

/// The effects of each failure, its symptoms, and what to do.
#[doc = include_str!("failure_modes.md")]
pub mod failure_modes {}

/// The metrics of a cache, by name.
#[doc = include_str!("metrics.md")]
pub mod metrics {}

/// The cost of instances and entries, where the limits are, and what to change there.
#[doc = include_str!("scaling.md")]
pub mod scaling {}

/// The spans of a cache, for traces of single requests.
#[doc = include_str!("spans.md")]
pub mod spans {}

/// How to test code that uses decorators: time, loads, failures, and several instances.
#[doc = include_str!("testing.md")]
// The page is part of every build of the documentation. Its examples and some of its links need the feature.
#[cfg(any(feature = "testing", not(doctest)))]
#[cfg_attr(not(feature = "testing"), allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links))]
pub mod testing {}
