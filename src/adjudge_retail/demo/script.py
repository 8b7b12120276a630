"""What the demo plays: which cases, when and where, and how fast people work.

All of it follows from the sets, the number of decisions and the seed. Two things are decided on the way: where
the bad release goes (`release`), and that the stream waits while more is open than people can bear.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from adjudge_retail.chance import seeded
from adjudge_retail.demo import example
from adjudge_retail.demo.arrivals import arrivals
from adjudge_retail.demo.cases import Case, Site, Source, case_of, deal, is_set_aside, sites, usable
from adjudge_retail.demo.configuration import AUDIT_VOTES, EXPERTS, Setting, audit_pool
from adjudge_retail.demo.plans import PANEL, POOL, Draft, Promise, Times, drafts
from adjudge_retail.demo.ranking import ranked
from adjudge_retail.demo.stores import TWELVE, Fleet

REVIEWERS: Final = 24
"""In all pools together."""
LEAST_IN_A_POOL: Final = 6
BUSY_SHARE: Final = 0.7
"""Of the reviewers' time, while nothing is automated."""
MINUTE_FOR: Final = 2_000
"""Decisions that arrive in a minute, unless they must wait."""
MOST_OPEN: Final = 80
"""Decisions, and tasks that wait for auditors: beyond it the stream of events waits for people."""
TARGET: Final = 0.05
"""Looser than one would have it live: it takes a fifth of the audits that 1% takes, and so a minute."""
A_DAY: Final = 1_000
"""Such questions a day in twelve stores. An assumption: it says how fast days pass."""
SHORTEST_SECONDS: Final = 5.0
LEAST_SPEED: Final = 8.0
"""Unless another is asked for: at the pace of life the last answers would take a minute."""
VOTES_PER_SECOND: Final = 70.0
"""What the demo asks of the machine at most, beside everything else that it runs."""
DEADLINE: Final = 180.0
"""Seconds, as the pack has it."""
SHORTEST_DEADLINE: Final = 90.0
"""People are sped up, the machine is not: a deadline is not divided below this."""


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
    promise: Promise
    staff: Mapping[str, int]
    """People by pool."""
    hardest: Mapping[str, str | None]
    """The model that makes a question hard to people, by type."""
    replayed_set_aside: int
    """Cases whose items also served to choose the models."""
    repeated: int
    """Cases about items that had been asked before: their errors are those of before."""

    @property
    def main(self) -> Source:
        """The question type that is asked most."""
        return max(self.setting.sources, key=lambda source: source.weight)

    def model_of(self, question_type: str, group: str) -> str | None:
        """Return which model may earn to answer alone."""
        drafts = self.setting.drafts.get(question_type)
        return drafts[group].model if drafts is not None else None

    @property
    def auditing(self) -> frozenset[str]:
        """The pools that answer audits alone."""
        if self.setting.is_example:
            return frozenset()
        return frozenset(pool for source in self.setting.sources if (pool := audit_pool(source)))


def write_script(
    sources: Sequence[Source], decisions: int, *, speed: float | None, seed: int, run: str, target: float = TARGET
) -> Script:
    """Lay down the play in which automation is earned. Raises EmptySet."""
    cast, promise = _cast(sources, TWELVE, seed), Promise(target)
    drafts = {source.type: _drafts(source, cast, promise, Times(60)) for source in sources}
    audits = {source.type: _audit_votes(source) for source in sources}
    work = _expected_work(sources, {kind: _mean_votes(each.values()) for kind, each in drafts.items()}, audits)
    pace = _pace(decisions, work, speed)
    deadline = max(SHORTEST_DEADLINE, DEADLINE / pace.speed)
    setting = Setting(
        sources=sources,
        fleet=TWELVE,
        drafts={source.type: _drafts(source, cast, promise, Times(deadline)) for source in sources},
        deadline=deadline,
    )
    scenes = _scenes(setting, cast, decisions, pace, seed)
    return Script(
        run=run,
        seed=seed,
        scenes=scenes,
        seconds=pace.seconds,
        speed=pace.speed,
        setting=setting,
        promise=promise,
        staff=_staff(sources, work),
        hardest=cast.hardest,
        replayed_set_aside=sum(_chose_models(scene.case) for scene in scenes),
        repeated=_repeated(scenes),
    )


def write_example(sources: Sequence[Source], decisions: int, *, speed: float | None, seed: int, run: str) -> Script:
    """Lay down the play at the stores of the example, whose plans are written already. Raises EmptySet."""
    fleet = example.fleet()
    cast, kinds = _cast(sources, fleet, seed), [source.type for source in sources]
    work = _expected_work(sources, dict.fromkeys(kinds, example.VOTES), dict.fromkeys(kinds, 0))
    pace, setting = _pace(decisions, work, speed), Setting(sources=sources, fleet=fleet, drafts={}, deadline=DEADLINE)
    scenes = _scenes(setting, cast, decisions, pace, seed)
    return Script(
        run=run,
        seed=seed,
        scenes=scenes,
        seconds=pace.seconds,
        speed=pace.speed,
        setting=setting,
        promise=Promise(TARGET),
        staff=example.staff(REVIEWERS),
        hardest=cast.hardest,
        replayed_set_aside=0,
        repeated=_repeated(scenes),
    )


def questions_a_day(fleet: Fleet) -> int:
    """Return how many questions such stores ask in a day."""
    return A_DAY * len(fleet.stores) // len(TWELVE.stores)


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who and what plays: stores with their shelves, and models by type, the best first."""

    places: Mapping[str, Site]
    best: Mapping[str, Sequence[str]]

    @property
    def hardest(self) -> dict[str, str | None]:
        return {kind: next(iter(models), None) for kind, models in self.best.items()}


def _cast(sources: Sequence[Source], fleet: Fleet, seed: int) -> _Cast:
    for source in sources:
        if not usable(source):
            raise EmptySet(f"{source.labelled.folder}: no item has a truth or an answer of a person")
    places = sites(sources, fleet.stores, seed)
    best = {source.type: ranked(_set_aside(source, places, seed), source.labelled.scores) for source in sources}
    return _Cast(places, best)


@dataclass(frozen=True, slots=True)
class _Pace:
    seconds: float
    speed: float


@dataclass(frozen=True, slots=True)
class _Work:
    """What a question is expected to cost people while nothing is automated and everything is audited."""

    votes: float
    """In the plan."""
    audit_votes: float
    seconds: float


def _pace(decisions: int, each: _Work, speed: float | None) -> _Pace:
    """Give people as much work as they can bear before anything is automated, unless `speed` is given."""
    seconds = max(SHORTEST_SECONDS, 60.0 * decisions / MINUTE_FOR)
    hands = REVIEWERS * BUSY_SHARE
    if speed is not None:
        return _Pace(seconds, speed)
    votes = min(VOTES_PER_SECOND, decisions / seconds * (each.votes + each.audit_votes))
    return _Pace(seconds, max(LEAST_SPEED, round(votes * each.seconds / (each.votes + each.audit_votes) / hands, 1)))


def _expected_work(sources: Sequence[Source], votes: Mapping[str, float], audits: Mapping[str, int]) -> _Work:
    """Expect the work of a question of any type. `votes`: of each type in its plans, `audits`: in its audits."""
    whole = sum(source.weight for source in sources)
    each = [(source.weight / whole, source.effort.mean_seconds, source.type) for source in sources]
    return _Work(
        votes=sum(share * votes[kind] for share, _, kind in each),
        audit_votes=sum(share * audits[kind] for share, _, kind in each),
        seconds=sum(share * seconds * (votes[kind] + audits[kind]) for share, seconds, kind in each),
    )


def _audit_votes(source: Source) -> int:
    pool = audit_pool(source)
    return 0 if pool is None else 1 if pool == EXPERTS else AUDIT_VOTES


def _staff(sources: Sequence[Source], work: _Work) -> dict[str, int]:
    """Spread people over the pools by the work that is expected of each, while nothing is automated."""
    pools = sorted({pool for source in sources if (pool := audit_pool(source))})
    if not pools:
        return {POOL: REVIEWERS}
    auditing = round(REVIEWERS * work.audit_votes / (work.votes + work.audit_votes) / len(pools))
    most = (REVIEWERS - LEAST_IN_A_POOL) // len(pools)
    staff = {pool: min(most, max(LEAST_IN_A_POOL, auditing)) for pool in pools}
    return {POOL: REVIEWERS - sum(staff.values()), **staff}


def _mean_votes(plans: Collection[Draft]) -> float:
    return sum(draft.votes for draft in plans) / len(plans)


def _drafts(source: Source, cast: _Cast, promise: Promise, times: Times) -> dict[str, Draft]:
    people = min((len(given) for given in source.labelled.answers.values() if given), default=PANEL)
    return drafts(cast.best[source.type], promise, times, people)


def _chose_models(case: Case) -> bool:
    return len(case.source.labelled.scores) > 1 and is_set_aside(case.item)


def _set_aside(source: Source, places: Mapping[str, Site], seed: int) -> list[Case]:
    """Return the cases on which models are chosen; all items where a set is too small to set any aside."""
    items = [item for item in usable(source) if is_set_aside(item)] or list(usable(source))
    rng = seeded(seed, "set aside", source.type)
    return [case_of("", source, item, site, rng) for item, site in zip(items, cycle(places.values()), strict=False)]


def _scenes(setting: Setting, cast: _Cast, decisions: int, pace: _Pace, seed: int) -> tuple[Scene, ...]:
    rng, sources = seeded(seed, "scenes"), setting.sources
    dealt = {source.type: deal(source, rng) for source in sources}
    decks = [(source, dealt[source.type]) for source in sources for _ in range(source.weight)]
    return tuple(
        Scene(case_of(f"e-{number:06}", source, next(deck), cast.places[arrival.store.name], rng), arrival.seconds)
        for number, (arrival, (source, deck)) in enumerate(
            zip(arrivals(decisions, pace.seconds, setting.fleet, rng), cycle(decks), strict=False), start=1
        )
    )


def _repeated(scenes: Sequence[Scene]) -> int:
    return len(scenes) - len({(scene.case.source.type, scene.case.item.id) for scene in scenes})
