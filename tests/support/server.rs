//! A server process that cannot outlive the test.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The script of a watcher, which ends the server of a test process without destructors.
///
/// Its standard input is a pipe that only the test process holds open. At the end of that, it ends the server `$1` with
/// the signal `$2` and removes the folder `$3`. It ignores the signals of a terminal.
const WATCHER: &str = r#"
    trap '' INT HUP TERM
    cat > /dev/null
    kill -s "$2" "$1" 2> /dev/null
    tries=0
    while kill -0 "$1" 2> /dev/null && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    rm -rf -- "$3"
"#;

const POLL: Duration = Duration::from_millis(10);
const TIME_TO_START: Duration = Duration::from_mins(1);
const TIME_TO_STOP: Duration = Duration::from_secs(10);

/// A running server, and its watcher.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    watcher: Child,
}

impl Server {
    /// Starts `command` with its output in `log` in `folder`.
    ///
    /// If the test process dies, `last_signal` ends the command.
    pub(crate) fn start(command: &mut Command, folder: &Path, last_signal: &str) -> Self {
        let log = File::create(folder.join("log")).expect("the server's folder takes a file");
        let errors = log.try_clone().expect("a file can be shared");
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let watcher = watch(child.id(), last_signal, folder);
        Self { child, watcher }
    }

    /// Waits until `ready`. Returns `None` if the server ends by itself before.
    pub(crate) fn wait_until(mut self, mut ready: impl FnMut() -> bool) -> Option<Self> {
        let deadline = Instant::now() + TIME_TO_START;
        while !ready() {
            if self.has_ended() {
                return None;
            }
            assert!(Instant::now() < deadline, "a server was not ready within {TIME_TO_START:?}");
            thread::sleep(POLL);
        }
        Some(self)
    }

    /// Sends a signal, unless the process was reaped: another process may have its id.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if !self.has_ended() {
            kill_process(self.pid(), signal).expect("a child of this process takes a signal");
        }
    }

    /// Sends `signal`, waits for the end, and sends SIGKILL if it does not come.
    pub(crate) fn end(&mut self, signal: Signal) {
        self.dismiss_watcher();
        self.signal(signal);
        if self.wait(TIME_TO_STOP).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                ended => return ended.ok().flatten(),
            }
        }
    }

    /// Ends the watcher. This precedes the reaping of the server, whose id another process may then receive.
    fn dismiss_watcher(&mut self) {
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(Signal::KILL);
    }
}

fn watch(server: u32, last_signal: &str, folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", WATCHER, "watcher", &server.to_string(), last_signal])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts")
}

/// The output of a server that ended, for the message of a panic.
pub(crate) fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}
