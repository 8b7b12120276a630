"""What the demo plays: which cases, when and where, and how fast people work.

All of it follows from the sets, the number of decisions and the seed; nothing is decided on the way.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from adjudge_retail.chance import seeded
from adjudge_retail.demo.arrivals import arrivals
from adjudge_retail.demo.cases import Case, Source, case_of, deal, is_set_aside, sites, usable
from adjudge_retail.demo.configuration import Setting
from adjudge_retail.demo.plans import PANEL, Draft, Times, drafts
from adjudge_retail.demo.stores import BUSY_GROUP, STORES
from adjudge_retail.demo.thresholds import ranked

REVIEWERS: Final = 24
BUSY_SHARE: Final = 0.55
"""Of the reviewers' time: what is left over takes the burst."""
MINUTE_FOR: Final = 2_000
"""Decisions that are replayed in a minute."""
SHORTEST_SECONDS: Final = 5.0
LEAST_SPEED: Final = 8.0
"""Unless another is asked for: at the pace of life the last answers would take a minute."""
DEADLINE_SECONDS: Final = 180.0
SHORTEST_DEADLINE_SECONDS: Final = 90.0
"""People are sped up, the machine is not: a deadline is not divided below this."""
VOTES_PER_SECOND: Final = 30.0
"""What the demo asks of the machine at most, beside everything else that it runs."""


class EmptySet(Exception):
    """No item of a set can be asked."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One case and when it is asked, in seconds after the start."""

    case: Case
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The whole play."""

    run: str
    """Names this run's decisions in the database."""
    seed: int
    scenes: tuple[Scene, ...]
    seconds: float
    """Over which the cases arrive."""
    speed: float
    """By which people's seconds are divided."""
    setting: Setting
    hardest: Mapping[str, str | None]
    """The model that makes a question hard to people, by type."""
    replayed_set_aside: int
    """Cases whose items also served to choose the thresholds."""


def write_script(sources: Sequence[Source], decisions: int, *, speed: float | None, seed: int, run: str) -> Script:
    """Lay down the whole play. Raises EmptySet."""
    for source in sources:
        if not usable(source):
            raise EmptySet(f"{source.labelled.folder}: no item has a truth or an answer of a person")
    aside = {source.type: _set_aside(source, sources, seed) for source in sources}
    work = _expected_work(sources, {kind: _drafts(cases, Times(60)) for kind, cases in aside.items()})
    paced = _pace(decisions, work, speed)
    deadline = max(SHORTEST_DEADLINE_SECONDS, DEADLINE_SECONDS / paced.speed)
    scenes = _scenes(sources, decisions, paced.seconds, seed)
    return Script(
        run=run,
        seed=seed,
        scenes=scenes,
        seconds=paced.seconds,
        speed=paced.speed,
        setting=Setting(
            sources=sources,
            drafts={kind: _drafts(cases, Times(deadline)) for kind, cases in aside.items()},
            deadline=deadline,
        ),
        hardest={source.type: _hardest(source, aside[source.type]) for source in sources},
        replayed_set_aside=sum(_chose_thresholds(scene.case) for scene in scenes),
    )


@dataclass(frozen=True, slots=True)
class _Pace:
    seconds: float
    speed: float


@dataclass(frozen=True, slots=True)
class _Work:
    """What a question is expected to cost people."""

    votes: float
    seconds: float


def _pace(decisions: int, each: _Work, speed: float | None) -> _Pace:
    """Give people as much work as they can bear: 2,000 decisions in a minute, unless `speed` is given."""
    for_all = max(60.0, MINUTE_FOR * each.votes / VOTES_PER_SECOND)
    seconds = max(SHORTEST_SECONDS, for_all * decisions / MINUTE_FOR)
    hands = REVIEWERS * BUSY_SHARE
    if speed is None:
        return _Pace(seconds, max(LEAST_SPEED, round(MINUTE_FOR / for_all * each.seconds / hands, 1)))
    return _Pace(max(seconds, decisions * each.seconds / hands / speed), speed)


def _expected_work(sources: Sequence[Source], plans: Mapping[str, Mapping[str, Draft]]) -> _Work:
    each = [(source.effort.mean_seconds, _mean_votes(plans[source.type].values())) for source in sources]
    seconds = sum(mean * votes for mean, votes in each)
    return _Work(sum(votes for _, votes in each) / len(each), seconds / len(each))


def _mean_votes(plans: Collection[Draft]) -> float:
    return sum(draft.expected_votes for draft in plans) / len(plans)


def _drafts(cases: Sequence[Case], times: Times) -> dict[str, Draft]:
    labelled = cases[0].source.labelled
    people = min((len(given) for given in labelled.answers.values() if given), default=PANEL)
    return drafts(cases, list(labelled.scores), times, people)


def _hardest(source: Source, cases: Sequence[Case]) -> str | None:
    return next(iter(ranked(cases, source.labelled.scores)), None)


def _chose_thresholds(case: Case) -> bool:
    return bool(case.source.labelled.scores) and is_set_aside(case.item)


def _set_aside(source: Source, sources: Sequence[Source], seed: int) -> list[Case]:
    """Return the cases on which thresholds are chosen; all items where a set is too small to set any aside."""
    items = [item for item in usable(source) if is_set_aside(item)] or list(usable(source))
    places = cycle(sites(sources, STORES, seed).values())
    rng = seeded(seed, "set aside", source.type)
    return [case_of("", source, item, site, rng) for item, site in zip(items, places, strict=False)]


def _scenes(sources: Sequence[Source], decisions: int, seconds: float, seed: int) -> tuple[Scene, ...]:
    rng = seeded(seed, "scenes")
    places, decks = sites(sources, STORES, seed), [(source, deal(source, rng)) for source in sources]
    return tuple(
        Scene(case_of(f"e-{number:06}", source, next(deck), places[arrival.store.name], rng), arrival.seconds)
        for number, (arrival, (source, deck)) in enumerate(
            zip(arrivals(decisions, seconds, STORES, BUSY_GROUP, rng), cycle(decks), strict=False), start=1
        )
    )
