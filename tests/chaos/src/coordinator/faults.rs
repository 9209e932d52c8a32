//! Injects the faults. Each function returns when its fault has healed.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use cache_chaos::history::{Fault, FaultKind};
use cache_chaos::schedule::Planned;
use cache_tests::{Direction, FaultProxy};
use rustix::process::Signal;

use super::run::World;
use super::server_faults::RIGHTS;
use crate::clock;

/// The time for a writer to stop at its next write, which may not come.
const TO_CRASH: Duration = Duration::from_secs(5);

/// The age of the dump from which Redis restarts.
const DUMP_AGE: Duration = Duration::from_millis(700);

/// Requests that a reset answers: write locks, releases and heartbeats; fills; reads.
const REQUESTS: [&str; 3] = ["EVALSHA", "SET", "MGET"];

impl World<'_> {
    pub(super) fn inject(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        let Some(around) = fault.around else { return self.inject_alone(fault) };
        let (process, start) = (self.workers[around.place].process.clone(), clock::now());
        disturb(&mut self.redis.proxies[around.place], around.kind, around.draw);
        sleep(around.margin);
        let injected = self.inject_alone(fault);
        sleep(around.margin);
        self.redis.proxies[around.place].heal();
        self.faults.push(Fault { kind: around.kind, targets: vec![process], start, end: clock::now() });
        injected
    }

    fn inject_alone(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        self.prepare(fault);
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

    /// Prepares a fault before it begins.
    fn prepare(&self, fault: &Planned) {
        if fault.kind == FaultKind::OlderDump {
            self.redis.primary.save();
            sleep(DUMP_AGE);
        }
    }

    fn act(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        match fault.kind {
            FaultKind::RedisKill => {
                self.redis.primary.kill();
                sleep(fault.lasts);
                self.redis.primary.restart();
            }
            FaultKind::RedisStop => {
                self.redis.primary.pause();
                sleep(fault.lasts);
                self.redis.primary.resume();
            }
            FaultKind::Flush => self.redis.primary.command(&["FLUSHALL"]),
            FaultKind::Evict => self.redis.evict(fault.lasts),
            FaultKind::Refuse => self.redis.refuse(fault.lasts, fault.draw.is_multiple_of(2)),
            FaultKind::DatabaseReset => self.reset_database(fault.lasts)?,
            FaultKind::Failover => self.redis.fail_over(fault.lasts / 2),
            FaultKind::ClientPause => self.redis.pause_clients(fault.lasts),
            FaultKind::DebugSleep => self.redis.sleep_inside(fault.lasts),
            FaultKind::RightRevoked => self.redis.change_rights(fault.lasts, &[right(fault.draw)]),
            FaultKind::ChannelsRevoked => self.redis.change_rights(fault.lasts, &["resetchannels"]),
            FaultKind::KeysRevoked => self.redis.change_rights(fault.lasts, &["resetkeys"]),
            FaultKind::UserOff => self.redis.switch_user_off(fault.lasts),
            FaultKind::BusyScript => self.redis.run_busy_script(fault.lasts),
            FaultKind::Demoted => self.redis.demote(fault.lasts),
            FaultKind::OlderDump => self.redis.restart_from_dump(fault.lasts),
            FaultKind::WorkerStop => self.stop_workers(fault),
            FaultKind::WriterCrash => self.crash_writer(fault)?,
            FaultKind::WorkerKill => self.kill_workers(fault),
            FaultKind::Cut
            | FaultKind::HalfOpen
            | FaultKind::Latency
            | FaultKind::Slices
            | FaultKind::ResetAfterSend => self.disturb(fault),
        }
        Ok(())
    }

    /// Restores what the next fault requires.
    fn recover(&mut self, fault: &Planned) -> Result<(), Box<dyn Error>> {
        if fault.kind == FaultKind::Failover {
            self.redis.replace_replica();
        }
        if fault.kind.kills_workers() {
            for place in self.places(fault) {
                self.replace_worker(place)?;
            }
        }
        Ok(())
    }

    fn disturb(&mut self, fault: &Planned) {
        let places = self.places(fault);
        for proxy in &mut self.redis.proxies[places.clone()] {
            disturb(proxy, fault.kind, fault.draw);
        }
        sleep(fault.lasts);
        for proxy in &mut self.redis.proxies[places] {
            proxy.heal();
        }
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

fn disturb(proxy: &mut FaultProxy, kind: FaultKind, draw: u64) {
    match kind {
        FaultKind::Cut if draw.is_multiple_of(2) => proxy.cut_with_reset(),
        FaultKind::Cut => proxy.cut(),
        FaultKind::HalfOpen => proxy.half_open(direction(draw)),
        FaultKind::Latency => proxy.latency(direction(draw), Duration::from_millis(5 + draw % 120)),
        FaultKind::Slices => proxy.slice(1 + usize::try_from(draw % 7).unwrap_or(0)),
        FaultKind::ResetAfterSend => {
            let request = usize::try_from(draw % REQUESTS.len() as u64).unwrap_or(0);
            proxy.reset_after_send(REQUESTS[request]);
        }
        _ => {}
    }
}

fn right(draw: u64) -> &'static str {
    RIGHTS[usize::try_from(draw % RIGHTS.len() as u64).unwrap_or(0)]
}

fn direction(draw: u64) -> Direction {
    // Other bits than those that determine the amount.
    match (draw >> 32) % 3 {
        0 => Direction::ToServer,
        1 => Direction::ToClient,
        _ => Direction::Both,
    }
}
