//! The Lua scripts: the operations that must be atomic on the server.
//!
//! All keys are declared, data is passed only in `KEYS` and `ARGV`, and the token makes each script idempotent. A
//! foreign value (another type, unknown bytes) is replaced.

use std::sync::LazyLock;

use crate::protocol::grammar::wire;

/// Adds the functions that all scripts share.
///
/// They read a scope, its locks and its pending writers, and write a new generation. `rand` comes from the caller,
/// since the server's own random numbers are the same in every run.
///
/// Every script that changes a scope marks the locks of other writers as overlapped: `locks` returns them with the mark.
/// A writer whose lock has the mark at its release must not store its value, which may be the older one.
///
/// The generation of a wide scope has a companion: a sorted set with the token of each pending writer and its expiry. The set is
/// authoritative. The value of the generation has only the earliest expiry: it stays short, and a reader gets it with
/// the rest of the fence.
///
/// Another scope has no such set, and its own key is in the place of that.
///
/// Redis may evict either of the two alone, and `FLUSHALL` removes both. No read after a finished write is stale: the
/// scopes that the result names get new generations, whether the registration still exists or not. Registrations matter
/// only for a writer that does not finish. If the generation is lost, every entry of the method is lost with it, and
/// the next generation takes its expiry from the set. If the set is lost, the expiry in the value stays: only the
/// writer that it belongs to may remove it, and only the set identifies that writer. The remaining gap is a writer that
/// dies after its registration was evicted.
macro_rules! script {
    ($body:literal) => {
        concat!(
            "local LOCKED, OVERLAPPED, FREE, UNTIL = '",
            wire!(locked),
            "', '",
            wire!(overlapped),
            "', '",
            wire!(free),
            "', '",
            wire!(until),
            "'\nlocal REGISTERED, FINISHED, HEARTBEAT = '",
            wire!(registered),
            " ', '",
            wire!(finished),
            " ', '",
            wire!(heartbeat),
            " '",
            r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function get(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then redis.call('DEL', key) return false end
  return value
end
local ONE_LOCK = '(%d+):([^;' .. OVERLAPPED .. ']+)(%' .. OVERLAPPED .. '?)'
local function locks(value, token)
  local kept, last, mine, alone = {}, 0, false, false
  if value and string.sub(value, 1, 1) == LOCKED then
    for exp, owner, mark in string.gmatch(string.sub(value, 2), ONE_LOCK) do
      if owner == token then mine, alone = true, mark == ''
      elseif tonumber(exp) > now then
        kept[#kept + 1] = exp .. ':' .. owner .. OVERLAPPED
        if tonumber(exp) > last then last = tonumber(exp) end
      end
    end
  end
  return kept, last, mine, alone
end
local function set_locks(key, kept, last)
  redis.call('SET', key, LOCKED .. table.concat(kept, ';'), 'PX', string.format('%.0f', math.max(last - now, 1)))
end
local function parts(value)
  if not value then return nil end
  local generation, suffix = string.match(value, '^(' .. FREE .. '[^' .. UNTIL .. ']*)(.*)$')
  if not generation or #generation > 64 then return nil end
  if suffix == '' then return generation, nil end
  local expiry = string.match(suffix, '^' .. UNTIL .. '(%d+)$')
  if not expiry or #expiry > 15 then return nil end
  return generation, tonumber(expiry)
end
local function suffixed(generation, expiry)
  return expiry and generation .. UNTIL .. string.format('%.0f', expiry) or generation
end
local function sorted(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then redis.call('DEL', key) end
  return redis.call(command, key, ...)
end
local function earliest(writers)
  local first = sorted('ZRANGE', writers, 0, 0, 'WITHSCORES')
  return first[1], tonumber(first[2])
end
local function drop_expired(writers)
  return sorted('ZREMRANGEBYSCORE', writers, '-inf', string.format('%.0f', now)) > 0
end
local function renew(key, writers, rand, ttl)
  local _, expiry
  if writers ~= key then
    drop_expired(writers)
    _, expiry = earliest(writers)
  end
  local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local generation = FREE .. string.format('%.0f', micros) .. '-' .. rand
  redis.call('SET', key, suffixed(generation, expiry), 'PX', ttl)
  return generation
end
",
            $body
        )
    };
}

/// Locks a scope. `KEYS`: the scope. `ARGV`: token, how long to hold in ms, channel, message.
const LOCK: &str = script!(
    r"
local kept, last, mine, alone = locks(get(KEYS[1]), ARGV[1])
local exp = now + tonumber(ARGV[2])
local mark = (#kept > 0 or (mine and not alone)) and OVERLAPPED or ''
kept[#kept + 1] = string.format('%.0f', exp) .. ':' .. ARGV[1] .. mark
set_locks(KEYS[1], kept, math.max(last, exp))
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
"
);

/// Releases a lock. `KEYS`: the scope, its writers. `ARGV`: token, channel, message, rand, life of a new generation in
/// ms.
///
/// Returns the new generation if no other change of the scope has overlapped the write, else nil: the lock was there all
/// the time, and no other lock or invalidation came.
const RELEASE: &str = script!(
    r"
local kept, last, mine, alone = locks(get(KEYS[1]), ARGV[1])
local generation = false
if #kept > 0 then set_locks(KEYS[1], kept, last) else generation = renew(KEYS[1], KEYS[2], ARGV[4], ARGV[5]) end
if not mine then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return alone and generation
"
);

/// Invalidates a scope. `KEYS`: the scope, its writers. `ARGV`: channel, message, rand, life of a new generation in ms.
const INVALIDATE: &str = script!(
    r"
local kept, last = locks(get(KEYS[1]), '')
if #kept > 0 then set_locks(KEYS[1], kept, last) else renew(KEYS[1], KEYS[2], ARGV[3], ARGV[4]) end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
"
);

/// Registers a pending writer.
///
/// `KEYS`: the scope, its writers. `ARGV`: token, life of the registration in ms, channel, name of the scope, rand,
/// life of a new generation in ms.
///
/// A younger registration does not hide one that has expired: the scope gets a new generation.
const REGISTER: &str = script!(
    r"
local has_expired = drop_expired(KEYS[2])
local expiry = now + tonumber(ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', expiry), ARGV[1])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
local value = get(KEYS[1])
local generation, known = parts(value)
if generation and not has_expired and (not known or known > now) then
  if not known or expiry < known then redis.call('SET', KEYS[1], suffixed(generation, expiry), 'KEEPTTL') end
elseif not value or string.sub(value, 1, 1) ~= LOCKED then
  renew(KEYS[1], KEYS[2], ARGV[5], ARGV[6])
end
redis.call('PUBLISH', ARGV[3], REGISTERED .. string.format('%.0f', expiry) .. ' ' .. ARGV[1] .. ' ' .. ARGV[4])
return 1
"
);

/// Ends the registration of a writer, and invalidates the scopes that the result names.
///
/// `KEYS`: the scope, its writers; then each scope that the result names, and its writers. `ARGV`: token, channel, name
/// of the scope, rand, life of a new generation in ms; then a message for each named scope.
///
/// One script does both: a registration must not end without the invalidations that it covers.
const FINISH: &str = script!(
    r"
for i = 3, #KEYS, 2 do
  local kept, last = locks(get(KEYS[i]), '')
  if #kept > 0 then set_locks(KEYS[i], kept, last) else renew(KEYS[i], KEYS[i + 1], ARGV[4], ARGV[5]) end
  redis.call('PUBLISH', ARGV[2], ARGV[5 + (i - 1) / 2])
end
local generation, known = parts(get(KEYS[1]))
local first, expiry = earliest(KEYS[2])
local is_mine = first == ARGV[1] and expiry == known
redis.call('ZREM', KEYS[2], ARGV[1])
local others_expired = drop_expired(KEYS[2]) or (known and known <= now and not is_mine)
if generation and others_expired then
  renew(KEYS[1], KEYS[2], ARGV[4], ARGV[5])
elseif generation and is_mine then
  local _, next = earliest(KEYS[2])
  if next ~= known then redis.call('SET', KEYS[1], suffixed(generation, next), 'KEEPTTL') end
end
redis.call('PUBLISH', ARGV[2], FINISHED .. ARGV[1] .. ' ' .. ARGV[3])
return 1
"
);

/// Reads the generations of scopes, and creates the missing ones.
///
/// `KEYS`: scopes, each followed by its writers. `ARGV`: rand, life of a new generation in ms. Returns the value of
/// each scope.
///
/// The server's clock, not that of a reader, decides whether a pending writer has expired.
const GETINIT: &str = script!(
    r"
local values = {}
for i = 1, #KEYS, 2 do
  local value = get(KEYS[i])
  local generation, expiry = parts(value)
  local is_current = generation and (not expiry or expiry > now)
  if not is_current and not (value and string.sub(value, 1, 1) == LOCKED) then
    renew(KEYS[i], KEYS[i + 1], ARGV[1], ARGV[2])
    value = get(KEYS[i])
  end
  values[#values + 1] = value
end
return values
"
);

/// Extends the life of a generation, if less than half of it is left.
///
/// `KEYS`: a scope. `ARGV`: the generation that it must have, its full life in ms.
///
/// The generation may have the mark of a process, as a reader of a cluster sees it.
const RENEW: &str = script!(
    r"
local wanted = string.gsub(ARGV[1], '%-%x+%.', '-', 1)
if parts(get(KEYS[1])) == wanted and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) / 2 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
"
);

/// Ends the claim of a token on a refresh. `KEYS`: the claim. `ARGV`: token, how long the claim still lasts in ms.
const UNCLAIM: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) > 0 then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('DEL', KEYS[1])
";

/// Records a heartbeat, and returns the members of each namespace.
///
/// `KEYS`: the heartbeat key, then the epoch and the members of each namespace. `ARGV`: nonce, life of the heartbeat
/// key in ms, own channel, rand, instance, its state as a member (pending, settled, lease, run), the message for the
/// buses of the namespaces (none if empty), life of the members in ms, the server's time as of the last reply, the
/// number of namespaces, their bus channels; then for each member to remove its namespace, its id and the sequence
/// number of its last heartbeat.
///
/// Returns the server's time in ms, and for each namespace its epoch, whether the instance was a member already, the
/// sequence number of this heartbeat, and all members. Writing the heartbeat key takes the same rights as a write lock:
/// the script fails for an instance that may not lock, and on a primary that was demoted.
const HEARTBEAT: &str = script!(
    r"
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local me, pending, settled, count = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[13])
if now - tonumber(ARGV[12]) > tonumber(ARGV[8]) then
  settled = 0
  if pending == '0' then pending = 1 end
end
local first = 13 + count + 1
local epochs, reply = {}, { string.format('%.0f', now) }
for n = 1, count do
  local epoch_key, members = KEYS[2 * n], KEYS[2 * n + 1]
  local epoch = get(epoch_key)
  if not epoch then
    epoch = ARGV[4]
    redis.call('SET', epoch_key, epoch)
  end
  epochs[n] = epoch
  local sequence = redis.pcall('HINCRBY', members, 'sequence', 1)
  if type(sequence) == 'table' then
    redis.call('DEL', members)
    sequence = redis.call('HINCRBY', members, 'sequence', 1)
  end
  for i = first, #ARGV, 3 do
    local other = tonumber(ARGV[i]) == n and redis.call('HGET', members, ARGV[i + 1])
    if other and string.match(other, '^(%d+):') == ARGV[i + 2] then redis.call('HDEL', members, ARGV[i + 1]) end
  end
  local known = redis.call('HGET', members, me) and 1 or 0
  local fields = { string.format('%.0f', sequence), string.format('%.0f', now), pending, settled, ARGV[8], ARGV[9] }
  redis.call('HSET', members, me, table.concat(fields, ':'))
  redis.call('PEXPIRE', members, ARGV[11])
  reply[#reply + 1] = { epoch, known, sequence, redis.call('HGETALL', members) }
end
redis.call('PUBLISH', ARGV[3], HEARTBEAT .. ARGV[1] .. ' ' .. table.concat(epochs, ','))
if ARGV[10] ~= '' then
  for n = 1, count do redis.call('PUBLISH', ARGV[13 + n], ARGV[10]) end
end
return reply
"
);

/// Records a heartbeat on a server that has no namespace.
///
/// `KEYS`: the heartbeat key. `ARGV`: nonce, life of the key in ms, own channel. Returns the server's time in ms.
const PULSE: &str = script!(
    r"
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PUBLISH', ARGV[3], HEARTBEAT .. ARGV[1] .. ' ')
return string.format('%.0f', now)
"
);

/// A script, which a call names by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Lock,
    Release,
    Invalidate,
    Register,
    Finish,
    GetInit,
    Renew,
    Unclaim,
    Heartbeat,
    Pulse,
}

impl Script {
    /// All scripts, to be loaded when a connection is opened.
    pub(super) const ALL: [Self; 10] = [
        Self::Lock,
        Self::Release,
        Self::Invalidate,
        Self::Register,
        Self::Finish,
        Self::GetInit,
        Self::Renew,
        Self::Unclaim,
        Self::Heartbeat,
        Self::Pulse,
    ];

    /// The Lua text.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Lock => LOCK,
            Self::Release => RELEASE,
            Self::Invalidate => INVALIDATE,
            Self::Register => REGISTER,
            Self::Finish => FINISH,
            Self::GetInit => GETINIT,
            Self::Renew => RENEW,
            Self::Unclaim => UNCLAIM,
            Self::Heartbeat => HEARTBEAT,
            Self::Pulse => PULSE,
        }
    }

    /// The hash under which a server stores the script.
    pub(super) fn hash(self) -> &'static str {
        static HASHES: LazyLock<[String; Script::ALL.len()]> =
            LazyLock::new(|| Script::ALL.map(|script| redis::Script::new(script.text()).get_hash().to_owned()));
        &HASHES[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_script_has_its_own_hash() {
        for script in Script::ALL {
            assert_eq!(script.hash(), redis::Script::new(script.text()).get_hash(), "{script:?}");
        }
    }
}
