//! Fuzzes the messages of the bus, and the values of scopes in Redis.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cache_fuzz::{Grain, Target};

use crate::coherence::{Coherence, Listener};
use crate::config::Settings;
use crate::freshness::MethodEntries as _;
use crate::freshness::probe::Probe;
use crate::process::Process;
use crate::protocol::{Backend, Bus as _, ScopeHash, ScopeState};
use crate::runtime::Clock;

const TARGET: Target = Target {
    name: "bus",
    grain: Grain::Bytes,
    dictionary: &["I ", "B ", "P ", "R ", "Q ", "N ", NONCE, " ", "\n", "epoch", "L", "U", "-", "|", "17"],
    longest: 256,
    run,
};

/// A placeholder in an input for the number of the current heartbeat, which differs in each run.
const NONCE: &str = "<nonce>";
const NUMBER: u64 = 1;

/// Shared by all inputs, since it has half a megabyte.
static INSTANCE: LazyLock<Arc<Coherence>> = LazyLock::new(|| {
    let settings = Settings { lease: Duration::from_hours(1), ..Settings::default() };
    Arc::new(Coherence::new(Arc::new(Process::new(Clock::default(), settings, Backend::Memory))))
});

/// Handles each line of the input as a message.
fn run(bytes: &[u8]) -> u64 {
    let coherence = &*INSTANCE;
    coherence.close_connection(NUMBER);
    coherence.begin_connection(NUMBER);
    let nonce = coherence.heartbeat_sent().0.to_string();
    let ends = bytes.split(|byte| *byte == b'\n').map(|line| message(coherence, line, &nonce) * 4 + token(line));
    ends.fold(0, |all, end| all.wrapping_mul(31).wrapping_add(end))
}

fn message(coherence: &Arc<Coherence>, payload: &[u8], nonce: &str) -> u64 {
    let payload = substituted(payload, nonce);
    let (heard, trusted) = (heard(coherence), is_trusted(coherence));
    let probe = |name: &[u8]| (Probe::on(&coherence.freshness, ScopeHash::of_name(name)), ScopeHash::of_name(name));
    let named = payload.strip_prefix(b"I ").map(probe);
    let method = registered_method(&payload).map(probe);
    Listener { coherence: Arc::clone(coherence), connection: NUMBER + 1 }.message(&payload);
    assert!(is_trusted(coherence) == trusted, "a message of another connection");
    Listener { coherence: Arc::clone(coherence), connection: NUMBER }.message(&payload);
    if let Some((named, scope)) = &named {
        assert!(named.sequence() > 0 || named.removed().contains(scope), "a scope that was invalidated");
    }
    if let Some((method, _)) = &method {
        assert!(method.sequence() > 0, "a method with a writer whose expiry is unknown");
    }
    assert_eq!(self::heard(coherence) - heard, if named.is_some() { 2 } else { 0 });
    let beat = payload.starts_with(b"B ") && payload.windows(nonce.len()).any(|part| part == nonce.as_bytes());
    assert!(trusted || !is_trusted(coherence) || beat, "only the beat that is under way gives trust");
    u64::from(named.is_some() || method.is_some()) + 2 * u64::from(is_trusted(coherence))
}

/// Returns the method of a well-formed registration, which has a number, a token and a name.
fn registered_method(payload: &[u8]) -> Option<&[u8]> {
    let text = payload.strip_prefix(b"P ")?;
    let mut parts = text.splitn(3, |byte| *byte == b' ');
    let (expiry, token, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = (1..=19).contains(&expiry.len()) && expiry.iter().all(u8::is_ascii_digit);
    let is_token = (1..=64).contains(&token.len()) && token.iter().all(u8::is_ascii_alphanumeric);
    (is_number && is_token && !name.is_empty()).then_some(name)
}

/// Parses a generation: it must keep its bytes, and any age in it is accepted.
fn token(bytes: &[u8]) -> u64 {
    match ScopeState::parse(Some(bytes.to_vec())) {
        ScopeState::Free(token) => {
            assert_eq!(token.as_bytes(), bytes);
            1 + u64::from(token.made_at() > 0)
        }
        ScopeState::Pending { generation, expiry } => {
            assert!(bytes.starts_with(generation.as_bytes()) && bytes[generation.as_bytes().len()] == b'|');
            assert!(bytes.ends_with(expiry.to_string().as_bytes()));
            2
        }
        ScopeState::Locked => 3,
        ScopeState::Missing => 0,
    }
}

fn substituted(line: &[u8], nonce: &str) -> Vec<u8> {
    match line.windows(NONCE.len()).position(|part| part == NONCE.as_bytes()) {
        Some(at) => [&line[..at], nonce.as_bytes(), &line[at + NONCE.len()..]].concat(),
        None => line.to_vec(),
    }
}

fn is_trusted(coherence: &Coherence) -> bool {
    coherence.freshness.is_trusted(coherence.process.clock.now())
}

fn heard(coherence: &Coherence) -> u64 {
    coherence.invalidations.load(crate::runtime::sync::atomic::Ordering::Acquire)
}

#[test]
fn bus() {
    let seeds = [
        "I copilot:llm:policy:*",
        "B <nonce> epoch",
        "B 1 epoch\nB <nonce> other\nI a",
        "U1700000000-a\nL17:a;18:b",
        "U1700000000-a|1800",
        "P 1800 0a ns:e:*\nR 0a ns:e:*",
    ];
    TARGET.fuzz(seeds.map(|seed| seed.as_bytes().to_vec()).into());
}
