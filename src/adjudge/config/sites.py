"""What holds at one location, compiled."""

from collections.abc import Mapping
from dataclasses import dataclass

from adjudge.config.cursors import Cursor
from adjudge.config.nodes import Node
from adjudge.config.routes import Route
from adjudge.core.plans import Plan
from adjudge.core.specifications import Location, QuestionType


@dataclass(frozen=True, slots=True)
class Site:
    """A location with its types and plans. Equal plans of several locations are one object."""

    location: Location
    types: Mapping[str, QuestionType]
    routes: Mapping[str, Route]
    """By question type, the route it takes."""
    plans: Mapping[str, Plan]
    """By question type."""
    effective: Node
    """All layers, merged."""
    declared: Cursor
    """The location's own entry; empty where none is declared."""

    def possible(self, question_type: str) -> tuple[Plan, ...]:
        """Return every plan that a question of the type may take here."""
        return (self.plans[question_type],) if question_type in self.plans else ()
