//! `Region::read` and `single_flight`: leaders look a value up, and followers wait for them.

use super::Successors;
use crate::configuration::Variant;
use crate::state::{Found, Instance, Landing, Namespace, Source, Step};
use crate::world::World;

impl Successors<'_> {
    /// A read before its look-up.
    pub(super) fn arrive(&mut self, reader: usize) {
        let name = reader + 1;
        match self.from.readers[reader].step {
            Step::Idle => {
                let at = self.configuration.readers[reader];
                if self.from.instances[at].namespace == Namespace::Foreign {
                    return;
                }
                let at = at + 1;
                self.act(format_args!("reader {name} on instance {at}: begins"), |world| world.begin_read(reader));
            }
            Step::Lands(landing) => {
                self.act(format_args!("reader {name}: its flight has ended"), |world| world.take(reader, landing));
            }
            _ => {}
        }
        if self.from.faults.cancels > 0 {
            self.cancel(reader);
        }
    }

    /// Drops the caller. Once the store is called, the task continues as if the caller still waited.
    fn cancel(&mut self, reader: usize) {
        let step = self.from.readers[reader].step;
        let is_cancelled =
            !matches!(step, Step::Idle | Step::Loads(_) | Step::Loaded(..) | Step::Fills(_) | Step::Done);
        if is_cancelled {
            self.act(format_args!("reader {}: is dropped", reader + 1), |world| {
                world.state.faults.cancels -= 1;
                world.end(reader);
                world.abandon(reader, step);
            });
        }
    }
}

impl World<'_> {
    /// A local hit; else `Flights::arrive`.
    fn begin_read(&mut self, reader: usize) {
        let at = self.configuration.readers[reader];
        let floor = self.state.acked;
        let Instance { acked, observed, .. } = self.state.instances[at];
        let of = &mut self.state.readers[reader];
        (of.floor, of.own_floor, of.observed) = (floor, acked, observed);
        match self.find(reader) {
            Some(value) => {
                self.note(format_args!(", local hit"));
                self.answer(reader, value, Source::Local);
                self.end(reader);
            }
            None => self.join_flight(reader),
        }
    }

    /// `Flights::arrive`.
    fn join_flight(&mut self, reader: usize) {
        let joins_any = self.is(Variant::JoinAnyFlight);
        let instance = self.instance(self.configuration.readers[reader]);
        let (step, how) = match (instance.current, instance.next) {
            (false, _) => {
                instance.current = true;
                (Step::Leads(None), "leads a flight")
            }
            (true, _) if joins_any => (Step::FollowsCurrent, "joins the flight under way"),
            (true, false) => {
                instance.next = true;
                (Step::AwaitsTurn, "leads the next flight")
            }
            (true, true) => (Step::FollowsNext, "waits for the next flight"),
        };
        self.state.readers[reader].step = step;
        self.note(format_args!(", {how}"));
    }

    /// `Region::take`; after `Outcome::Abandoned` the loop of `Region::read`.
    fn take(&mut self, reader: usize, landing: Landing) {
        match landing {
            Landing::Found(Found { value, source, .. }) => {
                self.answer(reader, value, source);
                self.end(reader);
            }
            Landing::Abandoned => self.join_flight(reader),
        }
    }

    /// `Lead::drop`.
    fn abandon(&mut self, reader: usize, step: Step) {
        if self.is(Variant::NoAbandonment) {
            return;
        }
        let at = self.configuration.readers[reader];
        match step {
            Step::AwaitsTurn => {
                self.instance(at).next = false;
                for (other, place) in self.state.readers.iter_mut().zip(self.configuration.readers) {
                    if *place == at && other.step == Step::FollowsNext {
                        other.step = Step::Lands(Landing::Abandoned);
                    }
                }
            }
            Step::Leads(_) | Step::LooksUp(_) | Step::Inits(..) | Step::Hits(..) => self.land(at, Landing::Abandoned),
            _ => {}
        }
    }
}
