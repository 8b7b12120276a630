"""Lua scripts for what must happen atomically on the server.

All keys of a call share a hash tag, and times are the server's. A script moves a message only if the message is still
pending (XACK answers 1). So a script that is sent twice, because its answer was lost, acts once.
"""

from adjudge.streams.connections.script import EVEN_FULL, Argument, Command, Script, by_source

__all__ = [
    "CLAIM",
    "CREATE",
    "FORGET_DEAD",
    "HAND_BACK",
    "LEAVE",
    "OWN_PENDING",
    "PUBLISH",
    "TAKE",
    "Argument",
    "Command",
    "Script",
    "by_source",
]

# Room in a lane. KEYS lane, backlog's size [, the same of the other lanes that are shed with it]; ARGV max_length,
# bound of all lanes together (-1: none). `refusal` answers what is said to an entry for which there is no room: the
# length of the lane, or in a list that of all lanes; `accepted` counts one in.
ROOM = """
local function unfinished(i)
  return redis.call('XLEN', KEYS[i]) + (redis.call('GET', KEYS[i + 1]) or 0)
end
local length, max_length, bound = unfinished(1), tonumber(ARGV[1]), tonumber(ARGV[2])
local total = length
if bound >= 0 then
  for i = 3, #KEYS, 2 do
    total = total + unfinished(i)
  end
end
local function refusal(more)
  if length + more >= max_length then
    return length + more
  elseif bound >= 0 and total + more >= bound then
    return {total + more}
  end
end
local function accepted()
  length, total = length + 1, total + 1
end
"""

# KEYS, ARGV as of ROOM, then body...; answers an id for each body written, a refusal for each that was not.
PUBLISH = Script(
    ROOM
    + """
local answers = {}
for i = 3, #ARGV do
  answers[i - 2] = refusal(0)
  if not answers[i - 2] then
    answers[i - 2] = redis.call('XADD', KEYS[1], '*', 'b', ARGV[i])
    accepted()
  end
end
return answers
"""
)

# KEYS rules, stream...; ARGV group, slots, every_ms, burst; answers the time and how many groups were missing. They
# begin with the first entry: what was published before anybody came, or since a flush, is theirs.
CREATE = Script(
    EVEN_FULL
    + """
redis.call('HSET', KEYS[1], 'slots', ARGV[2], 'every_ms', ARGV[3], 'burst', ARGV[4])
local made = 0
for i = 2, #KEYS do
  local answer = redis.pcall('XGROUP', 'CREATE', KEYS[i], ARGV[1], '0', 'MKSTREAM')
  if not answer.err then
    made = made + 1
  elseif not string.match(answer.err, 'BUSYGROUP') then
    return answer
  end
end
return {redis.call('TIME'), made}
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
