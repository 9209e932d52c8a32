//! Numbers instead of generations, for the control of a test.
//!
//! A generation is a unique token. A counter would be shorter, and returns to an earlier number when Redis evicts it:
//! an entry of the earlier number would then be current again. The tests of evicted scopes use these numbers to show
//! that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::protocol::{Generation, ScopeState};

/// Numbers the generations of each scope as they are seen, for negative controls.
///
/// A scope that was removed starts at one again, as a counter in Redis would. Clones share the numbers: give one to
/// each [`ChaosRemote`](super::ChaosRemote) of a test, with [`number_tokens`](super::ChaosRemote::number_tokens).
///
/// # Examples
///
/// ```
/// use cache_core::MemoryRemote;
/// use cache_core::testing::{ChaosRemote, TokenNumbers};
///
/// let (remote, numbers) = (MemoryRemote::new(), TokenNumbers::default());
/// let instances = [0, 1].map(|_| ChaosRemote::new(remote.clone()));
/// instances.iter().for_each(|chaos| chaos.number_tokens(&numbers));
/// ```
#[derive(Debug, Clone, Default)]
pub struct TokenNumbers(Arc<Mutex<HashMap<String, (Generation, u64)>>>);

impl TokenNumbers {
    /// Replaces the generation in a state by its number.
    pub(super) fn of(&self, key: &str, state: ScopeState) -> ScopeState {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state {
            ScopeState::Missing => {
                seen.remove(key);
                ScopeState::Missing
            }
            ScopeState::Locked => ScopeState::Locked,
            ScopeState::Free(token) => numbered(&mut seen, key, token).map_or(ScopeState::Missing, ScopeState::Free),
            ScopeState::Pending { generation, expiry } => numbered(&mut seen, key, generation)
                .map_or(ScopeState::Missing, |generation| ScopeState::Pending { generation, expiry }),
        }
    }
}

/// Returns the generation's number in the form of a generation; a new generation gets the next number.
fn numbered(seen: &mut HashMap<String, (Generation, u64)>, key: &str, token: Generation) -> Option<Generation> {
    let number = match seen.get(key) {
        Some((known, number)) if *known == token => *number,
        known => known.map_or(1, |(_, number)| number + 1),
    };
    seen.insert(key.to_owned(), (token, number));
    Generation::from_bytes(format!("U{number}").as_bytes())
}
