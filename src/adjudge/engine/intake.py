"""Intake: a question becomes a decision, durable before anybody hears of it (promise 1)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import msgspec

from adjudge.config import NoPlan, Request, Site, Way
from adjudge.core.accepting import Rates, stakes
from adjudge.core.answers import Candidates, OutsideSpace, close, keyed
from adjudge.core.audits import proportional
from adjudge.core.controls import Controls
from adjudge.core.errors import AdjudgeError
from adjudge.core.events import HistoryEvent
from adjudge.core.expressions import Expression
from adjudge.core.facts import FactValue, facts_in
from adjudge.core.history import Case
from adjudge.core.money import Stake
from adjudge.core.plans import LONGEST_DEADLINE, Plan
from adjudge.core.specifications import Location, QuestionType
from adjudge.engine import slips
from adjudge.engine.beginning import Beginnings, Begun
from adjudge.engine.clocks import Clock, TurnClock
from adjudge.engine.coins import AuditRates, Coin
from adjudge.engine.flushing import Answer, Flusher, Pending, Sheaf
from adjudge.engine.identifiers import NewId
from adjudge.engine.revisions import InForce, Revisions
from adjudge.engine.slips import Slip
from adjudge.store.intake import Beginning, NewDecision, Replayed, Terms
from adjudge.store.scope import Scope

_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="deterministic").encode

MOST_CANDIDATES = 1_000
MOST_TERMS = 1_000
"""Remembered for one place."""


class InvalidQuestion(AdjudgeError):
    """The question does not fit its type."""

    kind = "invalid-question"


class InvalidEvidence(AdjudgeError):
    """The evidence does not fit the type's schema."""

    kind = "invalid-evidence"

    def __init__(self, question_type: str, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"evidence does not fit {question_type}", pointer=faults[0][0])
        self.title = f"Evidence does not fit {question_type}"
        self.faults = tuple(faults)
        """(JSON pointer, what is wrong), all of them."""


class KeyReused(AdjudgeError):
    """The idempotency key was used for another question."""

    kind = "idempotency-key-reused"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks, decoded and within the limits of the edge. A Struct is made in a fifth of the time."""

    type: str
    location: str
    evidence: Mapping[str, Any]
    evidence_json: bytes
    subject: Mapping[str, str]
    candidates: tuple[str, ...] | None = None
    stake: Stake | None = None
    deadline: datetime | None = None
    lane: str | None = None
    trace: str | None = None
    idempotency_key: str | None = None


class Opened(msgspec.Struct, frozen=True):
    """What follows once a decision is durable."""

    slips: tuple[Slip, ...]
    shadows: tuple[Slip, ...] = ()
    """Questions on the side."""
    deciders: tuple[str, ...] = ()
    """Whom it is put to first."""
    seconds: float = 0.0
    """How long these may take."""
    has_shed_fallback: bool = False
    """Whether its type names what answers where there is no room to ask."""


@dataclass(frozen=True, slots=True)
class Known:
    """The idempotency key was used for the same question: this decision."""

    id: UUID


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A question type at a location, under the configuration in force."""

    location: Location
    kind: QuestionType
    site: Site
    only: Way | None
    """The route of all its questions; None: it depends on each."""
    revision: int
    terms: dict[tuple[str, bool, str, str, float], Terms]
    """By principal, whether it is limited, lane, the plan's hash and the rate of audits."""
    audit_rate: float
    """Probability of the audit coin, as it stands."""
    beginnings: Beginnings = field(default_factory=Beginnings)

    @property
    def per_stake(self) -> Stake | None:
        """Stake whose rate the audits' is; None: all have the same."""
        return self.kind.audits.per_stake if self.kind.audits is not None else None

    def rate_of(self, stake: Stake | None, rates: Rates) -> float:
        """Return the probability of the audit coin for a stake; where nobody can compare it, that of all."""
        per = self.per_stake
        known = stakes(stake, rates).get(per.currency) if stake is not None and per is not None else None
        return self.audit_rate if known is None or per is None else proportional(self.audit_rate, known, per.major)

    def way(self, request: Request) -> Way:
        """Return the route that a question takes. Raises NoPlan."""
        found = self.only or self.site.way(self.kind.name, request)
        if found is None:
            raise NoPlan(self.kind.name, self.location.name)
        return found


class Intake:
    """Accepts questions."""

    def __init__(
        self,
        flusher: Flusher,
        revisions: Revisions,
        *,
        now: Clock,
        new_id: NewId,
        coin: Coin,
        controls: "ControlsInForce",
        audit_rate: float,
        evidence_key: bytes,
    ) -> None:
        self._flusher = flusher
        self._revisions = revisions
        self._now = now
        self._moment = TurnClock(now)
        self._new_id = new_id
        self._coin = coin
        self._controls = controls
        self._audit_rate = audit_rate
        self._evidence_hash = hashlib.blake2b(digest_size=16, key=evidence_key)
        """Of the key alone, to go on from."""
        self._in_force: InForce | None = None
        self._rates_seen: AuditRates | None = None
        self._places: dict[tuple[str, str, str | None], Place] = {}
        """Of what is in force, by location, type and schedule: what was looked up once."""

    def place(self, scope: Scope, location: str, question_type: str) -> Place:
        """Return where a question belongs; a bound key learns nothing of other locations, not even their names.

        Raises UnknownHere, UnknownLocation, UnknownType, NoPlan.
        """
        in_force = self._revisions.in_force
        if self._in_force is not in_force or self._rates_seen is not self._controls.rates:
            self._in_force, self._places, self._rates_seen = in_force, {}, self._controls.rates
        configuration = in_force.at(location)
        if not scope.sees(location) or (scope.locations is not None and location not in configuration.sites):
            raise UnknownHere(location)
        site = configuration.site(location)
        if site.scheduled:
            site = site.standing(self._now())
        found = self._places.get((location, question_type, site.schedule))
        if found is None:
            ways = site.ways.get(question_type)
            if ways is None:
                configuration.plan(location, question_type)  # says what is missing
            found = self._places[location, question_type, site.schedule] = Place(
                site.location,
                site.types[question_type],
                site,
                ways[0] if ways and ways[0].when is None else None,
                configuration.revision,
                {},
                self._rate(site.location, site.types[question_type]),
            )
        return found

    def prepare(
        self,
        scope: Scope,
        place: Place,
        question: Question,
        *,
        reply: str | None = None,
        shed: bool = False,
    ) -> "tuple[NewDecision, Opened]":
        """Return the row of a question at its place and what it opens. Pure but for moment, id and coin.

        `shed`: there is no room for it, and the fallback that its type names for that answers.

        Raises InvalidQuestion, NoPlan.
        """
        now = self._moment()
        facts = facts_in(question.evidence, place.kind.facts) if place.kind.facts else {}
        way = place.only or place.way(Request(now, question.stake, question.subject, facts))
        plan = way.plan
        case = case_of(question, place.kind, plan, place.location, now, facts, shed=shed)
        is_shown = question.deadline is not None or place.kind.deadline is not None
        begun = place.beginnings.of(plan, case, self._controls.now(), now, deadline_shown=is_shown)
        row = self._row(scope, question, place, way, case, begun.row)
        opened = Opened(
            _slips(question, row, case, begun, reply) if begun.ask is not None else (),
            self._shadows(question, row, case, plan, now) if plan.shadows and not shed else (),
            deciders=begun.deciders,
            seconds=begun.seconds,
            has_shed_fallback="shed" in plan.endings,
        )
        return row, opened

    def submit(self, row: NewDecision, opened: Opened, sheaf: Sheaf) -> Pending:
        """Have the row made durable, then its slips sent."""
        entries = [slips.entry(slip, row.terms.lane) for slip in opened.slips]
        return self._flusher.submit(row, sheaf, entries, opened.shadows)

    @staticmethod
    def accepted(row: NewDecision, answer: Answer | None, otherwise: Callable[[], Question]) -> "datetime | Known":
        """Return when it was asked, or the decision that the same question made before.

        `otherwise`: as it reads by itself, if it came with others, and the other way round: then it may be of
        another lane, and is the same.

        Raises KeyReused, Unavailable, Unstorable.
        """
        match answer:
            case datetime():
                return answer
            case Replayed(decision, same) if same == row.fingerprint or same == _fingerprint(otherwise()):
                return Known(decision)
            case Replayed():
                raise KeyReused("this idempotency key was used for another question", pointer="#/idempotency_key")
            case AdjudgeError():
                raise answer
            case None:
                raise AssertionError("asked for before its sheaf had all answers")
            case _:
                assert_never(answer)

    def _row(
        self, scope: Scope, question: Question, place: Place, way: Way, case: Case, beginning: Beginning
    ) -> NewDecision:
        stake, evidence, decision = question.stake, question.evidence_json, self._new_id()
        rate = place.audit_rate if place.per_stake is None else place.rate_of(stake, way.plan.rates)
        return NewDecision(
            id=decision,
            terms=self._terms(scope, place, question.lane or way.lane or place.kind.lane, way.plan.hash, rate),
            beginning=beginning,
            key_hash=_hashed_key(question.idempotency_key),
            fingerprint=_fingerprint(question),
            subject=_encode(question.subject).decode(),
            stake_minor=stake.minor if stake else None,
            stake_currency=stake.currency if stake else None,
            facts=_encode(case).decode(),
            evidence=evidence.decode(),
            evidence_hash=self._hashed(evidence),
            trace=question.trace,
            audit_role=self._coin.audit(decision, rate).role,
        )

    def _hashed(self, evidence: bytes) -> bytes:
        begun = self._evidence_hash.copy()
        begun.update(evidence)
        return begun.digest()

    def _rate(self, location: Location, kind: QuestionType) -> float:
        """Return the probability of the audit coin here: of the slice where its rate has been set, else configured."""
        if kind.audits is None:
            return self._audit_rate
        return self._controls.rates.of(kind.name, location.slice_by(kind.audits.slices), kind.audits.rate)

    def _shadows(self, question: Question, row: NewDecision, case: Case, plan: Plan, now: datetime) -> tuple[Slip, ...]:
        """Ask on the side whoever is not switched off, whoever decides."""
        switched_off = self._controls.now().switched_off
        asked = tuple(decider for decider in plan.shadows if decider not in switched_off)
        until = now + slips.SHADOW_PATIENCE
        return tuple(_slip(question, row, case, (), slips.NO_STAGE, each, until, None) for each in asked)

    def _terms(self, scope: Scope, place: Place, lane: str, plan_hash: str, rate: float) -> Terms:
        limited = scope.limits is not None and scope.limits.open_decisions is not None
        asked_as = (scope.principal, limited, lane, plan_hash, rate)
        found = place.terms.get(asked_as)
        if found is None:
            if len(place.terms) >= MOST_TERMS:
                place.terms.clear()
            found = place.terms[asked_as] = Terms(
                principal=scope.principal,
                limited=limited,
                type=place.kind.name,
                location=place.location.name,
                groups=place.location.groups,
                lane=lane,
                revision=place.revision,
                plan_hash=plan_hash,
                audit_rate=rate,
                audit_key=self._coin.key_id,
                audit_policy=self._controls.rates.policy,
                audited=place.kind.audits is not None,
            )
        return found


class UnknownHere(AdjudgeError):
    """The caller's key does not reach this location: as if it did not exist."""

    kind = "unknown-location"

    def __init__(self, location: str) -> None:
        super().__init__(f"no location {location!r} is known to this key", pointer="#/location")


class ControlsInForce:
    """The controls as last read: good enough to ask by; the settle statement checks again."""

    def __init__(self) -> None:
        self.value = Controls()
        self.rates = AuditRates()
        """Of the audit coin, by slice."""

    def now(self) -> Controls:
        return self.value


def case_of(
    question: Question,
    kind: QuestionType,
    plan: Plan,
    location: Location,
    now: datetime,
    facts: dict[str, FactValue],
    *,
    shed: bool = False,
) -> Case:
    """Return what `advance` is told of a question. Raises InvalidQuestion."""
    candidates = _candidates(question, kind)
    space = close(kind.space, candidates)
    deadline = question.deadline or now + (kind.deadline or LONGEST_DEADLINE)
    if deadline > now + LONGEST_DEADLINE:
        raise InvalidQuestion("a deadline is at most 30 days away", pointer="#/deadline")
    late = deadline <= now
    if late and plan.late == "ask":
        deadline = now + (kind.deadline or LONGEST_DEADLINE)
    return Case(
        type=kind.name,
        location=location.name,
        space=space,
        deadline=deadline,
        stake=question.stake,
        attributes=dict(location.attributes),
        safe_side=_safe_side(question, kind, location, space, candidates),
        late=late,
        slice=location.slice_by(kind.audits.slices) if kind.audits is not None else "",
        groups=location.groups,
        facts=facts,
        shed=shed,
    )


def _candidates(question: Question, kind: QuestionType) -> tuple[str, ...] | None:
    if not isinstance(kind.space, Candidates):
        if question.candidates is not None:
            raise InvalidQuestion(f"the answers of {kind.name} are declared, not brought along", pointer="#/candidates")
        return None
    if not question.candidates:
        raise InvalidQuestion(f"{kind.name} needs its candidates", pointer="#/candidates")
    if len(set(question.candidates)) < len(question.candidates) or len(question.candidates) > MOST_CANDIDATES:
        raise InvalidQuestion(f"candidates must be different, and at most {MOST_CANDIDATES}", pointer="#/candidates")
    return question.candidates


def _safe_side(
    question: Question, kind: QuestionType, location: Location, space: Any, candidates: tuple[str, ...] | None
) -> str | None:
    """Return the harmless answer. An expression that gives none leaves the plan's other answers."""
    if not isinstance(kind.safe_side, Expression):
        return kind.safe_side
    value = kind.safe_side.value(
        {
            "evidence": question.evidence,
            "candidates": list(candidates or ()),
            "attributes": dict(location.attributes),
        }
    )
    try:
        return keyed(space, value)
    except OutsideSpace as error:
        raise InvalidQuestion(
            f"its safe side cannot be told from the evidence: {error}", pointer="#/evidence"
        ) from None


def _slips(question: Question, row: NewDecision, case: Case, begun: Begun, reply: str | None) -> tuple[Slip, ...]:
    ask, events = begun.ask, begun.events
    assert ask is not None
    return tuple([_slip(question, row, case, events, ask.stage, each, ask.until, reply) for each in ask.deciders])


def _slip(
    question: Question,
    row: NewDecision,
    case: Case,
    events: tuple[HistoryEvent, ...],
    stage: int,
    decider: str,
    until: datetime,
    reply: str | None,
) -> Slip:
    return Slip(
        decision=row.id,
        revision=row.terms.revision,
        type=row.terms.type,
        location=row.terms.location,
        stage=stage,
        decider=decider,
        version=0,
        case=case,
        events=events,
        evidence=question.evidence_json,
        subject=row.subject.encode(),
        trace=row.trace,
        until=until,
        reply=reply,
        plan=row.terms.plan_hash,
    )


def _hashed_key(key: str | None) -> bytes | None:
    return None if key is None else hashlib.blake2b(key.encode(), digest_size=16).digest()


def _fingerprint(question: Question) -> bytes:
    """Hash the decoded question, not its bytes: a retry may order its fields otherwise."""
    if question.idempotency_key is None:
        return b""
    body = (
        question.type,
        question.location,
        question.evidence,
        question.subject,
        question.candidates,
        question.stake,
        question.deadline,
        question.lane,
    )
    return hashlib.blake2b(_canonical(body), digest_size=16).digest()
