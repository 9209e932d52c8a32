//! What the benchmarks and the gates measure: the policy read, through the decorator and through its peers.

pub mod contenders;
mod pin;
pub mod rounds;
mod tenants;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub use pin::Pinned;
pub use tenants::{TENANTS, Tenants};

/// The output of a future that does not wait: what a local hit is. No executor is measured beside it.
///
/// # Panics
///
/// When the future waits after all.
#[inline]
pub fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a local hit waits for nothing"),
    }
}
