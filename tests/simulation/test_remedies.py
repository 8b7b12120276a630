"""Each remedy is taken out in turn, and some world must then go wrong: else nothing shows that it helps."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

import pytest
from tests.simulation.world import Plan, outcome_of

from adjudge.streams import keyed_scripts, scripts
from adjudge.streams.connections.script import Script
from adjudge.streams.consuming import upkeep
from adjudge.streams.consuming.concluding import Concluding
from adjudge.streams.consuming.handling import Handling
from adjudge.streams.consuming.holding import Holding
from adjudge.streams.consuming.upkeep import Upkeep
from adjudge.streams.decoding import Page
from adjudge.streams.group import Group, Moved
from adjudge.streams.testing.network import Fate

QUIET = Plan(
    seed=0,
    items=8,
    keys=0,
    slots=1,
    workers=2,
    batch=2,
    concurrency=2,
    single=False,
    lease_seconds=1.0,
    slowest_seconds=0.3,
    failing=0.0,
)
"""Nothing goes wrong; a test says what does."""
LONG = 600.0
"""A lease that no world lives to see the end of: what it would heal must be healed by something quicker."""


def answered(value):
    async def answer(*_, **__):
        return value

    return answer


def scripted(name, old, new, module=keyed_scripts):
    """The same script with one of its parts exchanged."""

    def take_out(patch):
        source = getattr(module, name).source
        assert source.count(old) == 1
        patch.setattr(module, name, Script(source.replace(old, new)))

    return take_out


def without_own_pending(patch):
    patch.setattr(Group, "own_pending", answered(Page((), 0, "")))


def with_groups_at_the_end(patch):
    patch.setattr(scripts, "CREATE", Script(scripts.CREATE.source.replace("'0', 'MKSTREAM'", "'$', 'MKSTREAM'")))


def without_renewal(patch):
    async def forgo(upkeep, now):
        upkeep._holding.confirmed_at = now

    patch.setattr(Upkeep, "_renew", forgo)


def without_claims(patch):
    patch.setattr(Upkeep, "_claim", answered(None))


def without_mover(patch):
    patch.setattr(Group, "move_due", answered(Moved(0, 0.5)))


def without_hand_back(patch):
    patch.setattr(Group, "hand_back", answered(None))


def acknowledged_before_the_effects(patch):
    call = Handling._call

    async def acknowledge_first(handling, messages):
        await handling._concluding._group.acknowledge(messages[0].lane, messages)
        return await call(handling, messages)

    patch.setattr(Handling, "_call", acknowledge_first)


def receiving_what_is_in_hand(patch):
    def receive(holding, lane, messages, *, claimed):
        holding._held[lane].update({message.id: message for message in messages})
        holding.lanes.add(lane, messages, claimed=claimed)
        return len(messages)

    patch.setattr(Holding, "receive", receive)


def without_groups_made_anew(patch):
    create, made = Group.create, set()

    async def create_once(group):
        if group._consumer in made:
            return 0
        made.add(group._consumer)
        return await create(group)

    patch.setattr(Group, "create", create_once)


def without_insisting(patch):
    async def once(_, action):
        try:
            return await action()
        except Exception:
            return set()

    patch.setattr(Concluding, "_insist", once)


FAULTY = {Fate.LOST_BEFORE: 0.05, Fate.LOST_AFTER: 0.1}
KILLING = {Fate.KILLED_BEFORE: 0.01, Fate.KILLED_AFTER: 0.02}


def acknowledging_first(key, group, ids, *, has_xackdel):
    return [("XACK", key, group, *ids), ("XDEL", key, *ids)]


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What is taken out, a world that needs it, and what must then go wrong there."""

    take_out: Callable[[pytest.MonkeyPatch], None]
    plan: Plan
    wrong: str
    hurried: bool = False
    """Names of the dead are looked for all the time."""


REMEDIES = {
    "own pending is read again after a lost answer": Remedy(
        take_out=without_own_pending, plan=replace(QUIET, odds=FAULTY, lease_seconds=LONG), wrong="lost"
    ),
    "a group begins at the first entry, not at the end": Remedy(
        take_out=with_groups_at_the_end, plan=replace(QUIET, flushes=1, restarts=1), wrong="lost"
    ),
    "leases of slow handlers are renewed": Remedy(
        take_out=without_renewal, plan=replace(QUIET, slowest_seconds=4.0), wrong="run twice"
    ),
    "what dead consumers held is claimed": Remedy(
        take_out=without_claims, plan=replace(QUIET, kills=2, slowest_seconds=2.0), wrong="lost"
    ),
    "what is due is moved back": Remedy(take_out=without_mover, plan=replace(QUIET, failing=0.5), wrong="lost"),
    "what is cut off by the end is handed back": Remedy(
        take_out=without_hand_back,
        plan=replace(QUIET, restarts=2, slowest_seconds=4.0, lease_seconds=LONG),
        wrong="lost",
    ),
    "acknowledged after the effects": Remedy(
        take_out=acknowledged_before_the_effects, plan=replace(QUIET, kills=2, slowest_seconds=2.0), wrong="lost"
    ),
    "what is in hand is not taken in again": Remedy(
        take_out=receiving_what_is_in_hand,
        plan=replace(QUIET, odds=FAULTY, lease_seconds=LONG, keys=2, slowest_seconds=2.0),
        wrong="at once",
    ),
    "groups are made anew after a flush": Remedy(
        take_out=without_groups_made_anew, plan=replace(QUIET, flushes=1), wrong="lost"
    ),
    "a handler may fail after a flush": Remedy(
        take_out=lambda patch: patch.setattr("adjudge.streams.consuming.concluding.suppress", lambda *_: nullcontext()),
        plan=replace(QUIET, flushes=1, failing=0.6),
        wrong="NoGroup",
    ),
    "acknowledgements are insisted on": Remedy(
        take_out=without_insisting, plan=replace(QUIET, odds=FAULTY, lease_seconds=LONG), wrong="not finished"
    ),
    "a consumer with pending messages does not take its name away": Remedy(
        take_out=scripted("LEAVE", "== 0 then", ">= 0 then", scripts),
        plan=replace(QUIET, items=20, restarts=8, odds={Fate.LATE: 0.3}),
        wrong="not finished",
    ),
    "a dead consumer with pending messages keeps its name": Remedy(
        take_out=scripted("FORGET_DEAD", "consumer['pending'] == 0 and ", "", scripts),
        plan=replace(QUIET, kills=2, slowest_seconds=2.0),
        wrong="lost",
        hurried=True,
    ),
    "a message is parked only by whoever holds it": Remedy(
        take_out=scripted("RETRY", "  if is_pending(KEYS[1], ARGV[3], id) then", "  if true then"),
        plan=replace(QUIET, failing=0.4, freezes=2, odds={Fate.LOST_AFTER: 0.2}),
        wrong="left behind",
    ),
    "a retried message keeps its key's slot": Remedy(
        take_out=scripted("RETRY", "local kept = ''\n    if key ~= ''", "local kept = ''\n    if false"),
        plan=replace(QUIET, keys=2, failing=0.4),
        wrong="began before",
    ),
    "an entry of a key waits for a slot": Remedy(
        take_out=scripted("PUBLISH_MARKED", "redis.call('SCARD', held(lane, key)) < slots", "true"),
        plan=replace(QUIET, keys=2, slowest_seconds=1.0),
        wrong="began before",
    ),
    "a finished entry gives its slot up": Remedy(
        take_out=scripted("FINISH", "  leave(lane, ARGV[i + 1], ARGV[i])", ""),
        plan=replace(QUIET, keys=2),
        wrong="left behind: held",
    ),
    "the slot of an entry deleted by hand is found": Remedy(
        take_out=scripted("MOVE_DUE", "if not exists(lane, member) then", "if false then"),
        plan=replace(QUIET, keys=2, vanishes=1, slowest_seconds=1.0),
        wrong="not finished",
    ),
    "an entry is deleted before it is acknowledged": Remedy(
        take_out=lambda patch: patch.setattr("adjudge.streams.group.finishing", acknowledging_first),
        plan=replace(QUIET, odds={**KILLING, Fate.CUT: 0.1}),
        wrong="not finished",
    ),
}


@pytest.mark.parametrize("name", REMEDIES)
def test_without_a_remedy_some_world_goes_wrong(name, monkeypatch):
    remedy = REMEDIES[name]
    if remedy.hurried:
        monkeypatch.setattr(upkeep, "_FORGET_EVERY_SECONDS", 0.1)
        monkeypatch.setattr(upkeep, "_FORGET_AFTER_SECONDS", 0.2)
    worlds = [replace(remedy.plan, seed=remedy.plan.seed + number) for number in range(100)]
    for world in worlds[:15]:
        assert outcome_of(world) == []

    remedy.take_out(monkeypatch)

    assert any(remedy.wrong in " ".join(outcome_of(world)) for world in worlds)
