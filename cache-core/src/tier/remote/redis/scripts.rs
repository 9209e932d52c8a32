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

/// `KEYS`: the sign of life, then the epoch of each namespace. `ARGV`: nonce, life of the sign in ms, channel, rand.
/// Returns the server's time in ms. The sign is a write: a primary that was demoted fails here.
pub(super) const BEAT: &str = script!(
    r"
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local epochs = {}
for i = 2, #KEYS do
  local epoch = get(KEYS[i])
  if not epoch then
    epoch = ARGV[4]
    redis.call('SET', KEYS[i], epoch)
  end
  epochs[#epochs + 1] = epoch
end
redis.call('PUBLISH', ARGV[3], 'B ' .. ARGV[1] .. ' ' .. table.concat(epochs, ','))
return string.format('%.0f', now)
"
);

/// Every script, to load them when a connection is made.
pub(super) const ALL: [&str; 6] = [INTENT, RELEASE, BUMP, GETINIT, RENEW, BEAT];
