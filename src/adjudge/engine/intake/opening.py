"""Intake: a question becomes a decision, which is durable before anybody is told of it (promise 1)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

import msgspec

from adjudge.config import Request, Way
from adjudge.core.advance import Ask
from adjudge.core.errors import AdjudgeError
from adjudge.core.facts import facts_in
from adjudge.core.history import Case
from adjudge.core.plans import Plan
from adjudge.engine import slips
from adjudge.engine.clocks import Clock, TurnClock
from adjudge.engine.coins import Coin
from adjudge.engine.configuration.controls_in_force import ControlsInForce
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.identifiers import NewId
from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.engine.intake.pending import Answer, Pending, Sheaf
from adjudge.engine.intake.places import Place, Places
from adjudge.engine.intake.questions import Question, case_of, fingerprint
from adjudge.engine.slips import Slip
from adjudge.store.intake import Beginning, NewDecision, Replayed, Terms
from adjudge.store.scope import Scope

_encode = msgspec.json.Encoder().encode

MOST_TERMS = 1_000
"""Remembered for one place at once."""


class KeyReused(AdjudgeError):
    """The idempotency key was used for another question."""

    kind = "idempotency-key-reused"


class Opened(msgspec.Struct, frozen=True):
    """What follows once a decision is durable."""

    slips: tuple[Slip, ...]
    shadows: tuple[Slip, ...] = ()
    """Questions on the side."""
    deciders: tuple[str, ...] = ()
    """Whom it is put to first."""
    seconds: float = 0.0
    """How long the asking of these may take."""
    has_shed_fallback: bool = False
    """Whether its type names what answers where there is no room to ask."""


@dataclass(frozen=True, slots=True)
class Known:
    """The idempotency key was used for the same question: this decision."""

    id: UUID


class Intake:
    """Accepts questions."""

    def __init__(
        self,
        commit: GroupCommit,
        revisions: Revisions,
        *,
        now: Clock,
        new_id: NewId,
        coin: Coin,
        controls: ControlsInForce,
        audit_rate: float,
        evidence_key: bytes,
    ) -> None:
        self._commit = commit
        self.places = Places(revisions, controls, now=now, audit_rate=audit_rate)
        self._moment = TurnClock(now)
        self._new_id = new_id
        self._coin = coin
        self._controls = controls
        self._evidence_hash = hashlib.blake2b(digest_size=16, key=evidence_key)
        """A hash begun with the key alone; the hash of each evidence continues a copy of it."""

    def prepare(
        self,
        scope: Scope,
        place: Place,
        question: Question,
        *,
        reply: str | None = None,
        shed: bool = False,
    ) -> tuple[NewDecision, Opened]:
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
            _slips(question, row, case, begun.ask, reply) if begun.ask is not None else (),
            self._shadows(question, row, case, plan, now) if plan.shadows and not shed else (),
            deciders=begun.deciders,
            seconds=begun.seconds,
            has_shed_fallback="shed" in plan.endings,
        )
        return row, opened

    def submit(self, row: NewDecision, opened: Opened, sheaf: Sheaf) -> Pending:
        """Have the row made durable, then its slips sent."""
        entries = [slips.entry(slip, row.terms.lane) for slip in opened.slips]
        return self._commit.submit(row, sheaf, entries, opened.shadows)

    def in_lane(self, scope: Scope, place: Place, row: NewDecision, lane: str) -> NewDecision:
        """Return the row of a question that is put in another lane than its own."""
        terms = row.terms
        return row._replace(terms=self._terms(scope, place, lane, terms.plan_hash, terms.audit_rate))

    @staticmethod
    def accepted(row: NewDecision, answer: Answer | None, otherwise: Callable[[], Question]) -> datetime | Known:
        """Return when it was asked, or the decision that the same question made before.

        `otherwise`: gives the question as it would read had it come the other way, by itself or in a bulk post. Its
        lane may be another then; the question is the same.

        Raises KeyReused, Unavailable, Unstorable.
        """
        match answer:
            case datetime():
                return answer
            case Replayed(decision, same) if same == row.fingerprint or same == fingerprint(otherwise()):
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
            fingerprint=fingerprint(question),
            subject=_encode(question.subject).decode(),
            stake_minor=stake.minor if stake else None,
            stake_currency=stake.currency if stake else None,
            facts=_encode(case).decode(),
            evidence=evidence.decode(),
            evidence_hash=self._hashed(evidence),
            trace=question.trace,
            audit_role=self._coin.audit_role(decision, rate),
        )

    def _hashed(self, evidence: bytes) -> bytes:
        begun = self._evidence_hash.copy()
        begun.update(evidence)
        return begun.digest()

    def _shadows(self, question: Question, row: NewDecision, case: Case, plan: Plan, now: datetime) -> tuple[Slip, ...]:
        """Ask on the side whoever is not switched off, whoever decides."""
        switched_off = self._controls.now().switched_off
        asked = tuple(decider for decider in plan.shadows if decider not in switched_off)
        return _slips(question, row, case, Ask(slips.NO_STAGE, asked, None, 0, 0, now + slips.SHADOW_PATIENCE, ()))

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


def _slips(question: Question, row: NewDecision, case: Case, ask: Ask, reply: str | None = None) -> tuple[Slip, ...]:
    """Return a slip for each decider that is asked."""
    terms, subject = row.terms, row.subject.encode()
    return tuple(
        [
            Slip(
                decision=row.id,
                revision=terms.revision,
                type=terms.type,
                location=terms.location,
                stage=ask.stage,
                decider=decider,
                version=0,
                case=case,
                events=ask.record,
                evidence=question.evidence_json,
                subject=subject,
                trace=row.trace,
                until=ask.until,
                reply=reply,
                plan=terms.plan_hash,
            )
            for decider in ask.deciders
        ]
    )


def _hashed_key(key: str | None) -> bytes | None:
    return None if key is None else hashlib.blake2b(key.encode(), digest_size=16).digest()
