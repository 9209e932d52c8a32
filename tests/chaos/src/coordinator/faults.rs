//! Injects the faults. Each function returns when its fault has healed.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use cache_chaos::history::{Fault, FaultKind};
use cache_chaos::schedule::Planned;
use rustix::process::Signal;

use super::run::World;
use crate::clock;

/// The time for a writer to stop at its next write, which may not come.
const TO_CRASH: Duration = Duration::from_secs(5);

impl World<'_> {
    pub(super) fn inject(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        let Some(around) = fault.around else { return self.inject_alone(fault) };
        let (process, start) = (self.workers[around.place].process.clone(), clock::now());
        self.servers.disturb(around.place..around.place + 1, around.kind, around.draw);
        sleep(around.margin);
        let injected = self.inject_alone(fault);
        sleep(around.margin);
        self.servers.heal();
        self.faults.push(Fault { kind: around.kind, targets: vec![process], start, end: clock::now() });
        injected
    }

    fn inject_alone(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        self.servers.prepare(fault);
        let targets = self.targets(fault);
        let start = clock::now();
        self.act(fault)?;
        let end = clock::now();
        self.faults.push(Fault { kind: fault.kind, targets, start, end });
        self.recover(fault)
    }

    fn targets(&self, fault: &Planned) -> Vec<String> {
        self.places(fault).map(|place| self.workers[place].process.clone()).collect()
    }

    /// The places that a fault affects.
    fn places(&self, fault: &Planned) -> std::ops::Range<usize> {
        match fault.place {
            Some(place) => place..place + 1,
            None => 0..self.workers.len(),
        }
    }

    fn act(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        match fault.kind {
            FaultKind::DatabaseReset => self.reset_database(fault.lasts)?,
            FaultKind::WorkerStop => self.stop_workers(fault),
            FaultKind::WriterCrash => self.crash_writer(fault)?,
            FaultKind::WorkerKill => self.kill_workers(fault),
            kind if kind.disturbs_connections() => self.disturb(fault),
            _ => self.servers.act(fault),
        }
        Ok(())
    }

    /// Restores what the next fault requires.
    fn recover(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        self.servers.recover(fault);
        if fault.kind.kills_workers() {
            for place in self.places(fault) {
                self.replace_worker(place)?;
            }
        }
        Ok(())
    }

    fn disturb(&mut self, fault: &Planned) {
        self.servers.disturb(self.places(fault), fault.kind, fault.draw);
        sleep(fault.lasts);
        self.servers.heal();
    }

    fn stop_workers(&self, fault: &Planned) {
        let workers = &self.workers[self.places(fault)];
        for worker in workers {
            worker.signal(Signal::STOP);
        }
        sleep(fault.lasts);
        for worker in workers {
            worker.signal(Signal::CONT);
        }
    }

    /// Kills writers between the commit of a write and its release.
    fn crash_writer(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        for place in self.places(fault) {
            let worker = &mut self.workers[place];
            worker.order("crash");
            worker.sends("stopped", TO_CRASH)?;
        }
        self.kill_workers(fault);
        Ok(())
    }

    fn kill_workers(&mut self, fault: &Planned) {
        for place in self.places(fault) {
            self.workers[place].kill();
        }
    }
}
