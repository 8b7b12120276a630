"""Rules: cases over the evidence. The first that holds answers, without a model, a process or a cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adjudge.core.answers import Json
from adjudge.core.expressions import Expression, Unevaluable


@dataclass(frozen=True, slots=True)
class RuleCase:
    """When it holds, this is the answer."""

    when: Expression
    answer: Json | Expression
    """A value of the answer space, or an expression that gives one: `evidence.scanned`."""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Cases in order."""

    cases: tuple[RuleCase, ...]

    @property
    def answers(self) -> tuple[Json, ...]:
        """The answers that configuration names."""
        return tuple(case.answer for case in self.cases if not isinstance(case.answer, Expression))

    def answer(self, values: Mapping[str, Any]) -> tuple[Json, float] | None:
        """Return answer and confidence of the first case that holds; None: no case does, it abstains.

        `values` has all of `RULE_VARIABLES`. Raises Unevaluable where a case cannot be told: what comes after it
        might hold although it does not, so none of that is looked at.
        """
        for number, case in enumerate(self.cases, 1):
            try:
                if _holds(case.when, values):
                    return _answer(case, values), case.confidence
            except Unevaluable as error:
                raise Unevaluable(f"case {number}: {error}") from None
        return None


def _holds(when: Expression, values: Mapping[str, Any]) -> bool:
    found = when.evaluated(values)
    if not isinstance(found, bool):
        raise Unevaluable(f"`{when.text}` is neither true nor false")
    return found


def _answer(case: RuleCase, values: Mapping[str, Any]) -> Json:
    if not isinstance(case.answer, Expression):
        return case.answer
    found: Json = case.answer.evaluated(values)
    return found
