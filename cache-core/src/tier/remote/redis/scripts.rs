//! The scripts: everything that must happen as one step on the server.
//!
//! All keys are declared, data comes in only through `KEYS` and `ARGV`, and each is idempotent by its token. A value
//! that is not ours (another type, unknown bytes) is replaced.

/// What the scripts share: reading a scope, its locks, and writing a new token. `rand` comes from the caller, since the
/// server's own chance is the same in every run.
macro_rules! script {
    ($body:literal) => {
        concat!(
            r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function get(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then redis.call('DEL', key) return false end
  return value
end
local function locks(value, token)
  local kept, last, mine = {}, 0, false
  if value and string.sub(value, 1, 1) == 'L' then
    for exp, owner in string.gmatch(string.sub(value, 2), '(%d+):([^;]+)') do
      if owner == token then mine = true
      elseif tonumber(exp) > now then
        kept[#kept + 1] = exp .. ':' .. owner
        if tonumber(exp) > last then last = tonumber(exp) end
      end
    end
  end
  return kept, last, mine
end
local function set_locks(key, kept, last)
  redis.call('SET', key, 'L' .. table.concat(kept, ';'), 'PX', string.format('%.0f', math.max(last - now, 1)))
end
local function renew(key, rand, ttl)
  local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
  redis.call('SET', key, 'U' .. string.format('%.0f', micros) .. '-' .. rand, 'PX', ttl)
end
",
            $body
        )
    };
}

/// `KEYS`: the scope. `ARGV`: token, how long to hold in ms, channel, message.
pub(super) const INTENT: &str = script!(
    r"
local kept, last = locks(get(KEYS[1]), ARGV[1])
local exp = now + tonumber(ARGV[2])
kept[#kept + 1] = string.format('%.0f', exp) .. ':' .. ARGV[1]
set_locks(KEYS[1], kept, math.max(last, exp))
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
"
);

/// `KEYS`: the scope. `ARGV`: token, channel, message, rand, life of a new token in ms.
pub(super) const RELEASE: &str = script!(
    r"
local kept, last, mine = locks(get(KEYS[1]), ARGV[1])
if #kept > 0 then set_locks(KEYS[1], kept, last) else renew(KEYS[1], ARGV[4], ARGV[5]) end
if not mine then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return 1
"
);

/// `KEYS`: the scope. `ARGV`: channel, message, rand, life of a new token in ms.
pub(super) const BUMP: &str = script!(
    r"
local kept = locks(get(KEYS[1]), '')
if #kept == 0 then renew(KEYS[1], ARGV[3], ARGV[4]) end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
"
);

/// `KEYS`: scopes. `ARGV`: rand, life of a new token in ms. Returns the value of each.
pub(super) const GETINIT: &str = script!(
    r"
local values = {}
for i, key in ipairs(KEYS) do
  local value = get(key)
  local first = value and string.sub(value, 1, 1)
  if first ~= 'U' and first ~= 'L' then
    renew(key, ARGV[1], ARGV[2])
    value = get(key)
  end
  values[i] = value
end
return values
"
);

/// `KEYS`: a scope. `ARGV`: the token that must be there, its full life in ms. Gives it its full life again when less
/// than half of that is left.
pub(super) const RENEW: &str = script!(
    r"
if get(KEYS[1]) == ARGV[1] and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) / 2 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
"
);

/// `KEYS`: the sign of life, then the epoch and the members of each namespace. `ARGV`: nonce, life of the sign in ms, own
/// channel, rand, instance, what the members are told of it (pending, settled, lease, run), the message for the bus of the
/// namespaces (none where it is empty), life of the members in ms, the server's time as of the last reply, how many namespaces, their bus channels, then for each
/// member to remove its namespace, its name and the number of its last heartbeat.
///
/// Returns the server's time in ms, and for each namespace its epoch, whether the instance was a member already, the
/// number of this heartbeat, and all members. The sign is a write of the kind that write locks are: an instance that may
/// not lock, or a primary that was demoted, fails here.
pub(super) const BEAT: &str = script!(
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
redis.call('PUBLISH', ARGV[3], 'B ' .. ARGV[1] .. ' ' .. table.concat(epochs, ','))
if ARGV[10] ~= '' then
  for n = 1, count do redis.call('PUBLISH', ARGV[13 + n], ARGV[10]) end
end
return reply
"
);

/// Every script, to load them when a connection is made.
pub(super) const ALL: [&str; 6] = [INTENT, RELEASE, BUMP, GETINIT, RENEW, BEAT];
