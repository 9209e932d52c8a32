//! Numbers instead of generations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::protocol::{Generation, ScopeState};

/// Numbers the generations of each scope as they are seen, for negative controls.
///
/// A scope that was removed starts at one again, as a counter in Redis would.
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

fn numbered(seen: &mut HashMap<String, (Generation, u64)>, key: &str, token: Generation) -> Option<Generation> {
    let number = match seen.get(key) {
        Some((known, number)) if *known == token => *number,
        known => known.map_or(1, |(_, number)| number + 1),
    };
    seen.insert(key.to_owned(), (token, number));
    Generation::from_bytes(format!("U{number}").as_bytes())
}
