"""What must happen at once on the server, in Lua.

All keys of a call share a hash tag. Times are the server's. A message is moved only by whoever still finds it
pending (XACK answers 1), so a script sent twice, because its answer was lost, acts once.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

Argument = str | bytes | int | float
Command = tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua source, called by its hash."""

    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest())

    def command(self, keys: Iterable[str], arguments: Iterable[Argument]) -> Command:
        """The call by hash; `by_source` makes of it the call that also loads the script."""
        keys = tuple(keys)
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# KEYS stream; ARGV max_length, body...; answers an id for each body written, the length for each that was not
PUBLISH = Script("""
local length = redis.call('XLEN', KEYS[1])
local answers = {}
for i = 2, #ARGV do
  if length < tonumber(ARGV[1]) then
    answers[i - 1] = redis.call('XADD', KEYS[1], '*', 'b', ARGV[i])
    length = length + 1
  else
    answers[i - 1] = length
  end
end
return answers
""")

# KEYS stream, delayed, retrying; ARGV group, (id, delay in ms, lane, body, trail, origin, published in ms)...
RETRY = Script(
    NOW
    + """
for i = 2, #ARGV, 7 do
  if redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) == 1 then
    local parked = cmsgpack.pack({ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]})
    redis.call('ZADD', KEYS[2], now + tonumber(ARGV[i + 1]), parked)
    redis.call('ZADD', KEYS[3], ARGV[i + 6], ARGV[i + 5])
    redis.call('XDEL', KEYS[1], ARGV[i])
  end
end
"""
)

# KEYS delayed, retrying; ARGV key prefix, limit, ms after which a retried origin is forgotten.
# Answers how many were moved, and in how many ms the next is due (-1: none waits).
# An origin is forgotten because one left behind by accident would pretend for ever that old work is under way.
MOVE_DUE = Script(
    NOW
    + """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
for _, parked in ipairs(due) do
  local message = cmsgpack.unpack(parked)
  redis.call('XADD', ARGV[1] .. message[1], '*', 'b', message[2], 'h', message[3])
  redis.call('ZREM', KEYS[1], parked)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[3]))
local following = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if following[2] then
  return {#due, math.max(0, tonumber(following[2]) - now)}
end
return {#due, -1}
"""
)

# KEYS stream, dead, retrying; ARGV group, ms to keep dead letters, (id, origin, lane, body, reasons)...
BURY = Script(
    NOW
    + """
for i = 3, #ARGV, 5 do
  if redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) == 1 then
    redis.call('XADD', KEYS[2], '*', 'lane', ARGV[i + 2], 'b', ARGV[i + 3], 'reasons', ARGV[i + 4])
    redis.call('XDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[3], ARGV[i + 1])
  end
end
redis.call('XTRIM', KEYS[2], 'MINID', math.max(0, now - tonumber(ARGV[2])) .. '-0')
"""
)

# KEYS stream; ARGV group, consumer, idle ms, cursor, count; answers cursor, (id, starts, fields)..., deleted ids.
# JUSTID leaves the delivery count alone: it counts starts, and a claim starts nothing (see TAKE).
CLAIM = Script("""
local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5], 'JUSTID')
local messages = {}
for _, id in ipairs(claimed[2]) do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  local entry = redis.call('XRANGE', KEYS[1], id, id)
  if pending[1] and entry[1] then
    messages[#messages + 1] = {id, pending[1][4], entry[1][2]}
  end
end
return {claimed[1], messages, claimed[3] or {}}
""")

# KEYS stream; ARGV group, consumer, first id, count; answers last id, (id, starts, fields)..., deleted ids.
# XREADGROUP of own pending would raise the delivery count of messages that no handler has seen.
OWN_PENDING = Script("""
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', ARGV[4], ARGV[2])
local messages, deleted, last = {}, {}, ''
for _, each in ipairs(pending) do
  last = each[1]
  local entry = redis.call('XRANGE', KEYS[1], last, last)
  if entry[1] then
    messages[#messages + 1] = {last, each[4], entry[1][2]}
  else
    redis.call('XACK', KEYS[1], ARGV[1], last)
    deleted[#deleted + 1] = last
  end
end
return {last, messages, deleted}
""")

# KEYS stream; ARGV group, consumer, (id, delivery count to set, or '')...; renews the lease of what is still the
# consumer's and answers the ids that are not: another has claimed or finished them.
TAKE = Script("""
local lost = {}
for i = 3, #ARGV, 2 do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if not pending[1] or pending[1][2] ~= ARGV[2] then
    lost[#lost + 1] = ARGV[i]
  elseif ARGV[i + 1] == '' then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  else
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'RETRYCOUNT', ARGV[i + 1], 'JUSTID')
  end
end
return lost
""")

# KEYS stream; ARGV group, consumer, consumer that stands for nobody, idle ms to pretend, (id, delivery count to set)...
HAND_BACK = Script("""
for i = 5, #ARGV, 2 do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if pending[1] and pending[1][2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[i], 'IDLE', ARGV[4], 'RETRYCOUNT', ARGV[i + 1], 'JUSTID')
  end
end
""")

# KEYS stream; ARGV group, consumer. Deleting a consumer with pending entries would destroy these.
LEAVE = Script("""
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return -1
""")

# KEYS stream; ARGV group, idle ms. Names left behind by killed processes, once their messages have been claimed.
FORGET_DEAD = Script("""
local forgotten = 0
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #flat, 2 do
    consumer[flat[i]] = flat[i + 1]
  end
  if consumer['pending'] == 0 and consumer['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    forgotten = forgotten + 1
  end
end
return forgotten
""")

# KEYS dead; ARGV key prefix, id...; answers how many were published anew.
REPLAY = Script("""
local replayed = 0
for i = 2, #ARGV do
  local letter = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if letter then
    redis.call('XADD', ARGV[1] .. letter[2][2], '*', 'b', letter[2][4])
    redis.call('XDEL', KEYS[1], ARGV[i])
    replayed = replayed + 1
  end
end
return replayed
""")

_ALL = (PUBLISH, RETRY, MOVE_DUE, BURY, CLAIM, OWN_PENDING, TAKE, HAND_BACK, LEAVE, FORGET_DEAD, REPLAY)
_SOURCES = {script.sha: script.source for script in _ALL}


def by_source(command: Command) -> Command:
    """The same call with the source instead of its hash: what a server needs whose scripts were flushed."""
    return ("EVAL", _SOURCES[str(command[1])], *command[2:])
