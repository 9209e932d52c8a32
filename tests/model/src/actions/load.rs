//! `load::Job` and `shared::fill`: the call of the store and the late fill.
//!
//! The fill of the shared tier follows the answer to the caller.

use super::Successors;
use crate::configuration::{Reads, Variant};
use crate::state::{Carried, Entry, Epoch, Fence, Found, Generation, Keep, SCOPES, Source, Step, Version};
use crate::world::World;

impl Successors<'_> {
    /// A read that calls the store.
    pub(super) fn load(&mut self, reader: usize) {
        let name = reader + 1;
        match self.from.readers[reader].step {
            Step::Loads(keep) if !self.is_gathering() => {
                let value = self.from.database;
                self.act(format_args!("reader {name}: reads v{value} from the store"), |world| {
                    world.count_load();
                    world.state.readers[reader].step = Step::Loaded(keep, value);
                });
            }
            Step::Loaded(keep, value) => {
                self.act(format_args!("reader {name}: has the store's result"), |world| {
                    world.landed(reader, keep, value);
                });
            }
            Step::Fills(fill) => {
                self.act(format_args!("reader {name}: SET v{}", fill.value), |world| {
                    world.fill(fill);
                    world.end(reader);
                });
            }
            _ => {}
        }
    }

    /// Whether the store withholds its answers until every reader has called it.
    fn is_gathering(&self) -> bool {
        let readers = &self.from.readers[..self.configuration.readers.len()];
        self.configuration.reads == Reads::Burst && readers.iter().any(|reader| reader.step == Step::Idle)
    }
}

impl World<'_> {
    fn landed(&mut self, reader: usize, keep: Keep, value: Version) {
        let at = self.configuration.readers[reader];
        match keep {
            Keep::Nothing => {}
            Keep::Local(snapshot) | Keep::Both(snapshot, _) => self.keep_local(at, value, snapshot),
            Keep::Degraded(snapshot, life) => self.keep_degraded(at, value, snapshot, life),
        }
        let fence = match keep {
            Keep::Both(_, fence) => Some(fence),
            Keep::Nothing | Keep::Local(_) | Keep::Degraded(..) => None,
        };
        self.finish_flight(reader, Found { value, fence, source: Source::Store });
        match fence {
            Some(fence) => self.state.readers[reader].step = Step::Fills(Carried { value, fence }),
            None => self.end(reader),
        }
    }

    /// A fill of a closed connection may still arrive, here even at another server.
    ///
    /// The eviction of the entry covers a fill that never arrives.
    fn fill(&mut self, fill: Carried) {
        let Some(fence) = self.fence_of(fill.fence) else { return };
        self.state.redis.entry = Some(Entry { value: fill.value, fence });
    }

    /// The fence of an entry: the generations read before its load, except in some variants.
    fn fence_of(&self, fence: Fence) -> Option<Fence> {
        let now = Epoch { run: self.state.run, namespace: self.state.redis.namespace };
        match self.configuration.variant {
            Variant::NoFence => {
                let mut generations = [0; SCOPES];
                for (token, state) in generations.iter_mut().zip(self.state.redis.generations) {
                    // Without a generation the entry cannot have a fence.
                    let Generation::Free(current) = state else { return None };
                    *token = current;
                }
                Some(Fence { epoch: now, generations })
            }
            Variant::LateEpoch => Some(Fence { epoch: now, ..fence }),
            _ => Some(fence),
        }
    }
}
