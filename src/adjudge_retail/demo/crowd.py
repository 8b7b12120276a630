"""What the demo's reviewers answer: real people's answers in their order, where a set has them, else simulated ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adjudge_retail.chance import seeded
from adjudge_retail.demo.cases import Case
from adjudge_retail.labelled import RealAnswer
from adjudge_retail.people import draw_answer, draw_seconds, draw_skill


@dataclass(frozen=True, slots=True)
class Given:
    """An answer and the seconds of work behind it."""

    answer: str
    seconds: float


@dataclass(slots=True)
class Crowd:
    """Answers tasks. The same task gets the same answer from the same person, in whatever order they come."""

    seed: int
    hardest: Mapping[str, str | None]
    """The model that makes a question hard, by type."""
    turns: dict[str, list[str]] = field(default_factory=dict)
    """Tasks of each event in the order in which they were first taken."""

    def answer(self, case: Case, task: str, person: str, *, is_expert: bool = False) -> Given:
        """Return what a person answers to a task about a case. An expert scans the item, and is right."""
        rng = seeded(self.seed, case.event, person)
        seconds = draw_seconds(case.source.effort, rng)
        if is_expert and case.truth is not None:
            return Given(case.truth, seconds)
        real = case.source.labelled.answers.get(case.item.id)
        if real:
            played = self._in_turn(real, case.event, task)
            return Given(played.answer, seconds if played.seconds is None else played.seconds)
        puzzle = case.puzzle(self.hardest[case.source.type])
        if puzzle is None:  # `usable` lets no such item through
            raise ValueError(f"item {case.item.id} has neither a truth nor an answer")
        return Given(draw_answer(puzzle, case.source.effort, draw_skill(seeded(self.seed, person)), rng), seconds)

    def _in_turn(self, real: tuple[RealAnswer, ...], event: str, task: str) -> RealAnswer:
        turns = self.turns.setdefault(event, [])
        if task not in turns:
            turns.append(task)
        return real[turns.index(task) % len(real)]
