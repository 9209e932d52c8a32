//! The faults that are done to the server. Each has healed when it returns.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::redis::Redis;

/// The commands of which one is revoked: announcements, releases and heartbeats; fills; reads; what makes news of a script.
pub(super) const RIGHTS: [&str; 4] = ["-evalsha", "-set", "-mget", "-publish"];

/// After which time of a script Redis answers others, with `BUSY`.
pub(super) const BUSY_AFTER: &str = "100";

/// Ends by `SCRIPT KILL` alone.
const ENDLESS: &str = "while true do end";
/// Between two tries to end a fault.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a fault may take to heal.
const TO_HEAL: Duration = Duration::from_secs(30);

impl Redis {
    /// Postpones every command of every client.
    pub(super) fn pause_clients(&self, lasts: Duration) {
        self.primary.command(&["CLIENT", "PAUSE", &lasts.as_millis().to_string()]);
        self.wait_for_answers();
    }

    /// Sleeps inside of a command.
    pub(super) fn sleep_inside(&self, lasts: Duration) {
        // The answer may come later than a command is waited for.
        let _ = self.primary.raw(&["DEBUG", "SLEEP", &format!("{:.3}", lasts.as_secs_f64())]);
        self.wait_for_answers();
    }

    /// Changes the rights of the processes' user for a while.
    pub(super) fn change_rights(&self, lasts: Duration, rules: &[&str]) {
        self.primary.change_rights(rules);
        sleep(lasts);
        self.primary.restore_rights();
    }

    /// Switches the processes' user off for a while, and kills its connections.
    pub(super) fn switch_user_off(&self, lasts: Duration) {
        self.primary.switch_user_off();
        sleep(lasts);
        self.primary.restore_rights();
    }

    /// Has a script run that does not end by itself.
    pub(super) fn run_busy_script(&self, lasts: Duration) {
        thread::scope(|scope| {
            // It is answered when the script was killed, if its connection has waited for so long.
            scope.spawn(|| self.primary.raw(&["EVAL", ENDLESS, "0"]));
            sleep(lasts);
            // Redis refuses to kill a script that has not run for long, and does not answer until then.
            until("the script is killed", || {
                let answer = self.primary.raw(&["SCRIPT", "KILL"]);
                answer.is_ok_and(|answer| !answer.starts_with('-') || answer.starts_with("-NOTBUSY"))
            });
        });
        self.wait_for_answers();
    }

    /// Makes the primary the replica of a server that is not there, and a primary again.
    pub(super) fn demote(&self, lasts: Duration) {
        // Nothing listens on this port, whose servers have been out of use for long.
        self.primary.command(&["REPLICAOF", "127.0.0.1", "1"]);
        sleep(lasts);
        self.primary.command(&["REPLICAOF", "NO", "ONE"]);
    }

    /// Kills the primary, and starts it with what it had saved.
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
