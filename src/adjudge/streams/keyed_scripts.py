"""Lua scripts for the rules of keys: which messages may enter a lane, which wait for it, and until when.

For each lane L of a name, all under the name's prefix:
    held/L/K     set of what holds a slot of key K: ids of entries in the lane, `@due origin` for parked ones
    backlog/L/K  list of K's entries that wait for a slot, packed (body, mark, trail, publication)
    backlog/L    sorted set of the keys with a backlog, by the publication of its first entry
    waiting/L    how many entries wait in all backlogs
    due/L        sorted set of keys that wait for the rate only, by the ms at which they may move one in
    allowed/L    sorted set of keys under a rate, by the ms at which their bucket is full again
and for the name:
    rules        hash: slots (0: unlimited), every_ms and burst of the rate; written by subscribers
    delayed      sorted set of parked messages by the ms at which they are due,
                 packed (lane, body, trail, mark, key, member of held or '', publication)
    retrying     sorted set of the origins of unfinished messages whose entries are younger than they, by publication
    counter      makes tokens, and so parked messages, distinct

Until a subscriber has written rules each key has one slot, so that nothing is out of order before the first worker
comes. An error in the middle of a script (a forbidden command, a cluster slot that is being moved) may leave a message
twice but never loses it: the new entry is written before the old one is removed. MOVE_DUE finds slots that were lost
this way.
"""

from adjudge.streams.connections.script import EVEN_FULL, Script
from adjudge.streams.scripts import ROOM

TICK_MS = 500
"""Workers look at what is due at least as often; only what is due sooner needs to wake them."""

NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# Of a call that names `prefix` and `wakes`, the channel on which workers are told to look again.
KEYED = (
    NOW
    + f"""
local TICK = {TICK_MS}
"""
    + """
local rules = redis.call('HMGET', prefix .. 'rules', 'slots', 'every_ms', 'burst')
local slots, every, burst = tonumber(rules[1] or 1), tonumber(rules[2] or 0), tonumber(rules[3] or 1)

local function whole(number)
  return string.format('%.0f', number)
end

local function token(kind)
  return kind .. '/' .. whole(now) .. '-' .. whole(redis.call('INCR', prefix .. 'counter'))
end

local function trail_of(origin)
  return '{"origin":"' .. origin .. '","published_ms":' .. whole(now) .. '}'
end

-- A sorted set of times; what is now the first and due soon must not wait for the next look.
local function schedule(set, member, at)
  redis.call('ZADD', set, whole(at), member)
  if at < now + TICK and redis.call('ZRANGE', set, 0, 0)[1] == member then
    redis.pcall('PUBLISH', wakes, prefix)
  end
end

local function add(lane, body, mark, trail)
  local fields = {'b', body}
  if mark ~= '' then
    fields[3], fields[4] = 'm', mark
  end
  if trail ~= '' then
    fields[#fields + 1] = 'h'
    fields[#fields + 1] = trail
  end
  return redis.call('XADD', prefix .. lane, '*', unpack(fields))
end

-- The rate: a bucket of `burst` tokens, kept as the ms at which it is full again (GCRA, ITU-T I.371).
local function full_at(lane, key)
  return tonumber(redis.call('ZSCORE', prefix .. 'allowed/' .. lane, key) or 0)
end

-- From which ms on the key may move one in.
local function ready_at(lane, key)
  return every == 0 and 0 or math.ceil(full_at(lane, key) - (burst - 1) * every)
end

-- `at` may lie a little before `now`: else every delay of the mover would slow the key down for good.
local function spend(lane, key, at)
  if every > 0 then
    redis.call('ZADD', prefix .. 'allowed/' .. lane, math.max(full_at(lane, key), at) + every, key)
  end
end

local function held(lane, key)
  return prefix .. 'held/' .. lane .. '/' .. key
end

-- Move in what waits for the key, as far as its slots and its rate allow. Bounded: more of it is due at once.
local function move_in(lane, key, at)
  local list, index = prefix .. 'backlog/' .. lane .. '/' .. key, prefix .. 'backlog/' .. lane
  local first = redis.call('LINDEX', list, 0)
  local taken, moved = first and slots > 0 and redis.call('SCARD', held(lane, key)) or 0, 0
  while first and (slots == 0 or taken < slots) do
    local ready = ready_at(lane, key)
    if ready > now or moved == 200 then
      schedule(prefix .. 'due/' .. lane, key, math.max(ready, now))
      break
    end
    local waiting = cmsgpack.unpack(first)
    local id = add(lane, waiting[1], waiting[2], waiting[3])
    if slots > 0 then
      redis.call('SADD', held(lane, key), id)
      taken = taken + 1
    end
    redis.call('LPOP', list)
    if redis.call('DECR', prefix .. 'waiting/' .. lane) <= 0 then
      redis.call('DEL', prefix .. 'waiting/' .. lane)
    end
    spend(lane, key, at)
    moved = moved + 1
    first = redis.call('LINDEX', list, 0)
  end
  if not first then
    redis.call('ZREM', index, key)
  elseif moved > 0 then
    redis.call('ZADD', index, cmsgpack.unpack(first)[4], key)
  end
end

-- A new entry of a key: into the lane, or behind those of the key that wait. Without a trail it is published now.
-- Answers its id or token.
local function admit(lane, key, body, mark, trail, published)
  local list = prefix .. 'backlog/' .. lane .. '/' .. key
  local free = slots == 0 or redis.call('SCARD', held(lane, key)) < slots
  local ready = free and ready_at(lane, key)
  if free and ready <= now and redis.call('EXISTS', list) == 0 then
    local id = add(lane, body, mark, trail)
    if slots > 0 then
      redis.call('SADD', held(lane, key), id)
    end
    spend(lane, key, now)
    return id
  end
  local origin = ''
  if trail == '' then
    origin = token('waiting')
    trail, published = trail_of(origin), whole(now)
    redis.call('ZADD', prefix .. 'retrying', published, origin)
  end
  redis.call('RPUSH', list, cmsgpack.pack({body, mark, trail, published}))
  redis.call('ZADD', prefix .. 'backlog/' .. lane, 'NX', published, key)
  redis.call('INCR', prefix .. 'waiting/' .. lane)
  if free then
    schedule(prefix .. 'due/' .. lane, key, math.max(ready, now))
  end
  return origin
end

-- The slot of a finished entry goes to the key's next. Only whoever gives it up passes it on.
local function leave(lane, key, member)
  if key ~= '' and redis.call('SREM', held(lane, key), member) == 1 then
    move_in(lane, key, now)
  end
end

local function is_pending(stream, group, id)
  return redis.call('XPENDING', stream, group, id, id, 1)[1] ~= nil
end
"""
)

# KEYS of ROOM; ARGV of ROOM, prefix, wakes, lane, (body, mark, key, delay in ms, dedup id, dedup ms)...
# Answers for each an id or token, a refusal, or in a list what the first with this dedup id was answered.
# What is delayed counts all delayed entries of the name as unfinished too. An id is remembered only once its entry
# is written, so what was refused may be published again under it.
PUBLISH_MARKED = Script(
    ROOM
    + """
local prefix, wakes, lane = ARGV[3], ARGV[4], ARGV[5]
"""
    + KEYED
    + """
local function delay(body, mark, key, ms)
  local origin = token('delayed')
  local parked = cmsgpack.pack({lane, body, trail_of(origin), mark, key, '', whole(now)})
  redis.call('ZADD', prefix .. 'retrying', whole(now), origin)
  schedule(prefix .. 'delayed', parked, now + ms)
  return origin
end

local function publish(body, mark, key, ms)
  if ms > 0 then
    return refusal(redis.call('ZCARD', prefix .. 'delayed')) or delay(body, mark, key, ms)
  end
  local refused = refusal(0)
  if refused then
    return refused
  end
  accepted()
  return key == '' and add(lane, body, mark, '') or admit(lane, key, body, mark, '', '')
end

local answers = {}
for i = 6, #ARGV, 6 do
  local remembered = prefix .. 'dedup/' .. ARGV[i + 4]
  local first = ARGV[i + 4] ~= '' and redis.call('GET', remembered)
  local answer = first and {first} or publish(ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]))
  if ARGV[i + 4] ~= '' and type(answer) == 'string' then
    redis.call('SET', remembered, answer, 'PX', ARGV[i + 5])
  end
  answers[#answers + 1] = answer
end
return answers
"""
)

# KEYS shared(lane); ARGV prefix, wakes, group, lane, (id, key, origin or '')...
# Acknowledges, deletes, and moves the next of each key in.
FINISH = Script(
    EVEN_FULL
    + """
local prefix, wakes, lane = ARGV[1], ARGV[2], ARGV[4]
"""
    + KEYED
    + """
local ids, origins = {}, {}
for i = 5, #ARGV, 3 do
  ids[#ids + 1] = ARGV[i]
  if ARGV[i + 2] ~= '' then
    origins[#origins + 1] = ARGV[i + 2]
  end
end
redis.call('XACK', KEYS[1], ARGV[3], unpack(ids))
redis.call('XDEL', KEYS[1], unpack(ids))
if #origins > 0 then
  redis.call('ZREM', prefix .. 'retrying', unpack(origins))
end
for i = 5, #ARGV, 3 do
  leave(lane, ARGV[i + 1], ARGV[i])
end
"""
)

# KEYS shared(lane); ARGV prefix, wakes, group, lane,
# (id, delay in ms, body, trail, origin, published in ms, mark, key)...
# A message is moved only by whoever still finds it pending, so a script sent twice, because its answer was lost,
# acts once. A slot is kept.
RETRY = Script(
    EVEN_FULL
    + """
local prefix, wakes, lane = ARGV[1], ARGV[2], ARGV[4]
"""
    + KEYED
    + """
for i = 5, #ARGV, 8 do
  local id, due, key = ARGV[i], now + tonumber(ARGV[i + 1]), ARGV[i + 7]
  if is_pending(KEYS[1], ARGV[3], id) then
    local kept = ''
    if key ~= '' and redis.call('SISMEMBER', held(lane, key), id) == 1 then
      kept = '@' .. whole(due) .. ' ' .. ARGV[i + 4]
      redis.call('SADD', held(lane, key), kept)
    end
    local parked = cmsgpack.pack({lane, ARGV[i + 2], ARGV[i + 3], ARGV[i + 6], key, kept, ARGV[i + 5]})
    redis.call('ZADD', prefix .. 'retrying', ARGV[i + 5], ARGV[i + 4])
    schedule(prefix .. 'delayed', parked, due)
    redis.call('XACK', KEYS[1], ARGV[3], id)
    redis.call('XDEL', KEYS[1], id)
    if kept ~= '' then
      redis.call('SREM', held(lane, key), id)
    end
  end
end
"""
)

# KEYS shared(lane), dead; ARGV prefix, wakes, group, lane, ms to keep dead letters,
# (id, origin, body, reasons, mark, key)... Acts once, as RETRY does.
BURY = Script(
    EVEN_FULL
    + """
local prefix, wakes, lane = ARGV[1], ARGV[2], ARGV[4]
"""
    + KEYED
    + """
local dead = KEYS[#KEYS]
for i = 6, #ARGV, 6 do
  local id = ARGV[i]
  if is_pending(KEYS[1], ARGV[3], id) then
    redis.call('XADD', dead, '*', 'lane', lane, 'b', ARGV[i + 2], 'reasons', ARGV[i + 3], 'm', ARGV[i + 4])
    redis.call('XACK', KEYS[1], ARGV[3], id)
    redis.call('XDEL', KEYS[1], id)
    redis.call('ZREM', prefix .. 'retrying', ARGV[i + 1])
    leave(lane, ARGV[i + 5], id)
  end
end
redis.call('XTRIM', dead, 'MINID', whole(math.max(0, now - tonumber(ARGV[5]))) .. '-0')
"""
)

# KEYS dead, rules; ARGV prefix, wakes, id...; answers how many were published anew. The deadline that they had is
# over or soon will be, so it is dropped.
REPLAY = Script(
    """
local prefix, wakes = ARGV[1], ARGV[2]
"""
    + KEYED
    + """
local replayed = 0
for i = 3, #ARGV do
  local letter = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if letter then
    local fields, key = {m = ''}, ''
    for j = 1, #letter[2], 2 do
      fields[letter[2][j]] = letter[2][j + 1]
    end
    if fields.m ~= '' then
      local mark = cjson.decode(fields.m)
      mark.e, key = nil, mark.k or ''
      fields.m = next(mark) and cjson.encode(mark) or ''
    end
    if key == '' then
      add(fields.lane, fields.b, fields.m, '')
    else
      admit(fields.lane, key, fields.b, fields.m, '', '')
    end
    redis.call('XDEL', KEYS[1], ARGV[i])
    replayed = replayed + 1
  end
end
return replayed
"""
)

# KEYS delayed, retrying, rules; ARGV prefix, wakes, limit, ms after which an origin is forgotten, (lane, first of the
# keys to look after, and how many)...
# Parked messages and keys whose time has come enter their lanes; slots held by what is gone are freed.
# Answers how many parked ones were moved, in how many ms the next is due (-1: none waits), the ms of the server,
# how many slots were freed, and for each lane how many keys have a backlog.
# An origin is forgotten because one left behind by accident would pretend for ever that old work is under way.
MOVE_DUE = Script(
    EVEN_FULL
    + """
local prefix, wakes, limit = ARGV[1], ARGV[2], ARGV[3]
"""
    + KEYED
    + """
-- The lateness of a mover that is made up for.
local SLACK = 100

-- A retried message has its slot, but not its token.
local function return_kept(lane, key, kept, parked)
  local ready = ready_at(lane, key)
  local body, trail, mark = parked[2], parked[3], parked[4]
  if ready > now then
    local again = '@' .. whole(ready) .. ' ' .. string.match(kept, ' (.*)')
    redis.call('SADD', held(lane, key), again)
    schedule(prefix .. 'delayed', cmsgpack.pack({lane, body, trail, mark, key, again, parked[7]}), ready)
  else
    redis.call('SADD', held(lane, key), add(lane, body, mark, trail))
    spend(lane, key, now)
  end
  redis.call('SREM', held(lane, key), kept)
end

local function unpark(parked)
  local lane, key, kept = parked[1], parked[5] or '', parked[6] or ''
  if kept ~= '' then
    return_kept(lane, key, kept, parked)
  elseif key ~= '' then
    admit(lane, key, parked[2], parked[4], parked[3], parked[7])
  else
    add(lane, parked[2], parked[4] or '', parked[3])
  end
end

local function exists(lane, member)
  local due = string.match(member, '^@(%d+) ')
  if due then
    return redis.call('ZCOUNT', prefix .. 'delayed', due, due) > 0
  end
  return redis.call('XRANGE', prefix .. lane, member, member)[1] ~= nil
end

local freed = 0
local function look_after(lane, key)
  for _, member in ipairs(redis.call('SMEMBERS', held(lane, key))) do
    if not exists(lane, member) then
      redis.call('SREM', held(lane, key), member)
      freed = freed + 1
    end
  end
  move_in(lane, key, now)
end

local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now), 'LIMIT', 0, limit)
for _, parked in ipairs(due) do
  unpark(cmsgpack.unpack(parked))
  redis.call('ZREM', KEYS[1], parked)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', whole(now - tonumber(ARGV[4])))

local following = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
local backlogs = {}
for i = 5, #ARGV, 3 do
  local lane = ARGV[i]
  local dues = prefix .. 'due/' .. lane
  local keys = redis.call('ZRANGEBYSCORE', dues, '-inf', whole(now), 'WITHSCORES', 'LIMIT', 0, limit)
  for j = 1, #keys, 2 do
    redis.call('ZREM', dues, keys[j])
    move_in(lane, keys[j], math.max(tonumber(keys[j + 1]) - 1, now - SLACK))  -- 1: what rounding up had added
  end
  if tonumber(ARGV[i + 2]) > 0 then
    local first = tonumber(ARGV[i + 1])
    for _, key in ipairs(redis.call('ZRANGE', prefix .. 'backlog/' .. lane, first, first + ARGV[i + 2] - 1)) do
      look_after(lane, key)
    end
  end
  if every > 0 then
    redis.call('ZREMRANGEBYSCORE', prefix .. 'allowed/' .. lane, '-inf', whole(now - SLACK))
  end
  local soonest = redis.call('ZRANGE', dues, 0, 0, 'WITHSCORES')[2]
  if soonest and (not following or tonumber(soonest) < tonumber(following)) then
    following = soonest
  end
  backlogs[#backlogs + 1] = redis.call('ZCARD', prefix .. 'backlog/' .. lane)
  if backlogs[#backlogs] == 0 then
    redis.call('DEL', prefix .. 'waiting/' .. lane)
  end
end
return {#due, following and math.max(0, tonumber(following) - now) or -1, whole(now), freed, backlogs}
"""
)
