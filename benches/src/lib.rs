//! The subject of the benchmarks and gates: the policy read, through the decorator and its peers.

pub mod cases;
pub mod contenders;
mod pin;
pub mod rounds;
mod tenants;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub use pin::Pinned;
pub use tenants::{TENANTS, Tenants};

/// Returns the output of a future that does not wait, such as a local hit.
///
/// So the measurement does not include an executor. The future is polled where it was made, as in a caller that awaits
/// it.
///
/// # Panics
///
/// If the future waits.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "a call would copy the future, which stalls the processor: its parts were just written one by one"
)]
pub fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a local hit waits for nothing"),
    }
}
