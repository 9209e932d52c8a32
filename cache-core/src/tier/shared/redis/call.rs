//! One command for a server, before it is known which server executes it.

use std::fmt::Display;

use redis::{Cmd, ToRedisArgs};
use smallvec::SmallVec;

use super::scripts::Script;

/// A command, with the positions of the arguments that depend on the server or determine it.
#[derive(Clone)]
pub(super) struct Call {
    cmd: Cmd,
    /// The number of arguments so far, with the name of the command.
    count: usize,
    /// The position of the key whose server executes the command. Every other key has the same slot.
    key: Option<usize>,
    /// A key in place of that one, for a command without keys.
    route: Option<String>,
    /// The positions of the channels of the bus.
    channels: SmallVec<[usize; 2]>,
    yields: Yields,
}

/// Where a reply has generations or epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Yields {
    Nothing,
    /// The reply is one.
    Generation,
    /// The reply is a list of them.
    Generations,
    /// The reply is a list with the epochs of namespaces.
    Epochs,
    /// The reply is the list of the values of the keys, some of which are those of generations.
    Values,
}

impl Call {
    /// Begins a command without a key so far.
    pub(super) fn command(name: &'static str) -> Self {
        let yields = if name == "MGET" { Yields::Values } else { Yields::Nothing };
        Self { cmd: redis::cmd(name), count: 1, key: None, route: None, channels: SmallVec::new(), yields }
    }

    /// Begins a command on a key, which is its first argument.
    pub(super) fn on(name: &'static str, key: &str) -> Self {
        let mut call = Self::command(name);
        call.key = Some(call.count);
        call.arg(key);
        call
    }

    /// Begins the `EVALSHA` of a script on these keys, which have one slot.
    pub(super) fn script(script: Script, keys: &[&str]) -> Self {
        let mut call = Self::command("EVALSHA");
        call.arg(script.hash()).arg(keys.len());
        call.key = (!keys.is_empty()).then_some(call.count);
        for key in keys {
            call.arg(*key);
        }
        call.yields = match script {
            Script::Release => Yields::Generation,
            Script::GetInit => Yields::Generations,
            Script::Heartbeat => Yields::Epochs,
            _ => Yields::Nothing,
        };
        call
    }

    /// Adds an argument of one value.
    pub(super) fn arg(&mut self, value: impl ToRedisArgs) -> &mut Self {
        debug_assert_eq!(value.num_of_args(), 1, "positions are counted");
        self.cmd.arg(value);
        self.count += 1;
        self
    }

    /// Adds an argument as `Display` writes it.
    pub(super) fn text(&mut self, value: impl Display) -> &mut Self {
        self.arg(value.to_string())
    }

    /// Adds the name of a channel of the bus.
    pub(super) fn channel(&mut self, name: &str) -> &mut Self {
        self.channels.push(self.count);
        self.arg(name)
    }

    /// The command for the only server.
    pub(super) fn cmd(&self) -> &Cmd {
        &self.cmd
    }

    /// Sends the command to the server of another key. It has none of its own.
    pub(super) fn routed_by(mut self, key: String) -> Self {
        self.route = Some(key);
        self
    }

    /// The key whose server executes the command.
    pub(super) fn route(&self) -> Option<&[u8]> {
        match &self.route {
            Some(key) => Some(key.as_bytes()),
            None => self.args().nth(self.key?),
        }
    }

    pub(super) fn yields(&self) -> Yields {
        self.yields
    }

    /// The command for one server of a cluster, whose channels have its id.
    ///
    /// Redis forwards what is published to every server of a cluster, and the id keeps it from the subscribers there.
    pub(super) fn at(&self, server: &str) -> Cmd {
        if self.channels.is_empty() {
            return self.cmd.clone();
        }
        let mut cmd = Cmd::new();
        for (place, arg) in self.args().enumerate() {
            if self.channels.contains(&place) {
                cmd.arg([arg, b":", server.as_bytes()].concat());
            } else {
                cmd.arg(arg);
            }
        }
        cmd
    }

    /// The arguments, with the name of the command.
    pub(super) fn args(&self) -> impl Iterator<Item = &[u8]> {
        self.cmd.args_iter().map(|arg| match arg {
            redis::Arg::Simple(bytes) => bytes,
            _ => b"",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_arguments() {
        let mut call = Call::script(Script::Lock, &["a", "b"]);
        call.arg(7).channel("bus").text(8).channel("beat");
        let args: Vec<_> = call.args().collect();
        let at = |position: &usize| args[*position];
        assert_eq!(call.key.as_ref().map(at), Some(&b"a"[..]));
        assert_eq!(call.channels.iter().map(at).collect::<Vec<_>>(), [&b"bus"[..], b"beat"]);
        assert_eq!((args.len(), call.count), (9, 9));
        assert_eq!(Call::on("SET", "k").route(), Some(&b"k"[..]));
        assert_eq!(Call::command("PUBLISH").route(), None);
        assert_eq!(Call::command("PUBLISH").routed_by("k".to_owned()).route(), Some(&b"k"[..]));
    }

    #[test]
    fn channels_have_the_id_of_the_server() {
        let mut call = Call::on("SET", "bus");
        call.channel("bus").arg("bus");
        let sent = call.at("id").get_packed_command();
        let mut expected = redis::cmd("SET");
        expected.arg("bus").arg("bus:id").arg("bus");
        assert_eq!(sent, expected.get_packed_command());
    }
}
