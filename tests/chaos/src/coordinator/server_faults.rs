//! The faults of the server. Each function returns when its fault has healed.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::redis::Redis;

/// The commands of which one is revoked.
///
/// They serve write locks, releases and heartbeats; fills; reads; messages that scripts publish.
pub(super) const RIGHTS: [&str; 4] = ["-evalsha", "-set", "-mget", "-publish"];

/// The milliseconds after which a running script makes Redis answer `BUSY`.
pub(super) const BUSY_AFTER: &str = "100";

/// Runs until `SCRIPT KILL`.
const ENDLESS: &str = "while true do end";
/// The pause between two attempts to end a fault.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a fault may take to heal.
const TO_HEAL: Duration = Duration::from_secs(30);

impl Redis {
    /// Postpones every command of every client.
    pub(super) fn pause_clients(&self, lasts: Duration) {
        self.primary.command(&["CLIENT", "PAUSE", &lasts.as_millis().to_string()]);
        self.wait_for_answers();
    }

    /// Makes Redis sleep inside a command.
    pub(super) fn sleep_inside(&self, lasts: Duration) {
        // The answer may come after the timeout of the command.
        let _ = self.primary.raw(&["DEBUG", "SLEEP", &format!("{:.3}", lasts.as_secs_f64())]);
        self.wait_for_answers();
    }

    /// Changes the rights of the processes' user for `lasts`.
    pub(super) fn change_rights(&self, lasts: Duration, rules: &[&str]) {
        self.primary.change_rights(rules);
        sleep(lasts);
        self.primary.restore_rights();
    }

    /// Switches the processes' user off for `lasts`, and kills its connections.
    pub(super) fn switch_user_off(&self, lasts: Duration) {
        self.primary.switch_user_off();
        sleep(lasts);
        self.primary.restore_rights();
    }

    /// Runs an endless script and kills it after `lasts`.
    pub(super) fn run_busy_script(&self, lasts: Duration) {
        thread::scope(|scope| {
            // The reply comes when the script is killed, unless the connection times out first.
            scope.spawn(|| self.primary.raw(&["EVAL", ENDLESS, "0"]));
            sleep(lasts);
            // Redis does not answer before `BUSY_AFTER`, and refuses to kill a younger script.
            until("the script is killed", || {
                let answer = self.primary.raw(&["SCRIPT", "KILL"]);
                answer.is_ok_and(|answer| !answer.starts_with('-') || answer.starts_with("-NOTBUSY"))
            });
        });
        self.wait_for_answers();
    }

    /// Makes the primary the replica of an absent server, and a primary again.
    pub(super) fn demote(&self, lasts: Duration) {
        // No server listens on port 1: its service, tcpmux, is obsolete.
        self.primary.command(&["REPLICAOF", "127.0.0.1", "1"]);
        sleep(lasts);
        self.primary.command(&["REPLICAOF", "NO", "ONE"]);
    }

    /// Kills the primary and restarts it from its dump.
    pub(super) fn restart_from_dump(&mut self, lasts: Duration) {
        self.primary.kill();
        sleep(lasts);
        self.primary.restart_from_dump();
    }

    fn wait_for_answers(&self) {
        until("Redis answers", || self.primary.raw(&["PING"]).is_ok_and(|answer| answer == "PONG"));
    }
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + TO_HEAL;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {TO_HEAL:?}");
        sleep(AGAIN);
    }
}
