"""A rule as something that can be asked: on our own loop, question by question."""

import asyncio
from collections.abc import Sequence
from typing import Any

from adjudge.core.expressions import Unevaluable
from adjudge.core.rules import Rule
from adjudge.deciders.explaining import clipped
from adjudge.deciders.questions import Question
from adjudge.deciders.results import Claim, Withheld


class RuleModel:
    """Answers by the first case that holds; a question that lacks what a case reads is the question's fault."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    async def ask_async(self, questions: Sequence[Question]) -> list[Any]:
        """Return a claim, an abstention or why there is neither, for each."""
        results = []
        for question in questions:
            results.append(self._result(question))
            await asyncio.sleep(0)  # an expression has a bound of steps, a batch of them would hold the loop up
        return results

    def _result(self, question: Question) -> Claim | Withheld | None:
        try:
            found = self._rule.answer(_values(question))
        except Unevaluable as error:
            told = clipped(str(error))  # of kinds and names, never of values
            return Withheld("no-evidence", told, told)
        return None if found is None or found[0] is None else Claim(*found)


def _values(question: Question) -> dict[str, Any]:
    return {
        "evidence": question.evidence,
        "candidates": list(question.candidates),
        "attributes": question.attributes,
        "subject": question.subject,
        "question_type": question.type,
        "location": question.location,
    }
