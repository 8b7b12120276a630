"""How decisions begin: questions that are alike share one first step, which is taken and encoded once."""

from datetime import datetime

import msgspec

from adjudge.core.advance import Ask, advance
from adjudge.core.controls import Controls
from adjudge.core.events import write_events
from adjudge.core.history import Case, History
from adjudge.core.plans import Plan
from adjudge.store.intake import Beginning

_encode = msgspec.json.Encoder().encode


class Begun(msgspec.Struct, frozen=True, eq=False):
    """The first step of questions that begin alike."""

    ask: Ask | None
    """Models to ask at once; None: the first step is another one, and still to be taken."""
    row: Beginning
    seconds: float
    """How long these models may take."""

    @property
    def deciders(self) -> tuple[str, ...]:
        """Whom it is put to first."""
        return self.ask.deciders if self.ask is not None else ()


class Beginnings:
    """The first steps at one place, kept for the instant at which they were taken.

    Before anything has happened `advance` looks at the plan, the place, the deadline and whether there was room,
    and at nothing that differs between questions. So those that are taken in at one moment begin alike.
    """

    def __init__(self) -> None:
        self._moment: datetime | None = None
        self._controls: Controls | None = None
        self._begun: dict[tuple[str, datetime, bool, bool], Begun] = {}

    def of(self, plan: Plan, case: Case, controls: Controls, now: datetime, *, deadline_shown: bool) -> Begun:
        """Return the first step of a case of this place."""
        if now is not self._moment or controls is not self._controls:
            self._moment, self._controls, self._begun = now, controls, {}
        alike = (plan.hash, case.deadline, case.shed, deadline_shown)
        found = self._begun.get(alike)
        if found is None:
            found = self._begun[alike] = begin(plan, case, controls, now, deadline_shown=deadline_shown)
        return found


def begin(plan: Plan, case: Case, controls: Controls, now: datetime, *, deadline_shown: bool) -> Begun:
    """Take the first step of a decision, where it is a question to models."""
    step = advance(plan, History(case), controls, now)
    ask = step if isinstance(step, Ask) and step.pool is None else None
    return Begun(
        ask,
        Beginning(
            deadline=case.deadline,
            deadline_shown=deadline_shown,
            stage=ask.stage if ask else -1,
            waiting_for=_encode({"deciders": ask.deciders, "until": ask.until}).decode() if ask else "{}",
            stage_until=ask.until if ask else now,
            history=write_events(ask.record if ask else ()),
        ),
        (ask.until - now).total_seconds() if ask else 0.0,
    )
