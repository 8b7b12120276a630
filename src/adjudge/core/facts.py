"""Facts: what of the evidence routes may read, kept with the decision after the evidence is gone.

They are figures and words of a closed list, never free text: nothing personal is kept by them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from adjudge.core.pointers import Pointer, found_at

FactKind: TypeAlias = Literal["number", "boolean", "word"]
FactValue: TypeAlias = float | bool | str


@dataclass(frozen=True, slots=True)
class Fact:
    """A declared field of the evidence."""

    at: Pointer
    kind: FactKind
    words: frozenset[str] = frozenset()
    """Of a word: those that there are."""

    def value(self, found: Any) -> FactValue | None:
        """Return what was found as this fact; None where it is of another kind."""
        match self.kind:
            case "number" if isinstance(found, int | float) and not isinstance(found, bool):
                number = float(found)
                return number if math.isfinite(number) else None
            case "boolean" if isinstance(found, bool):
                return found
            case "word" if isinstance(found, str) and found in self.words:
                return found
            case _:
                return None


def facts_in(evidence: Mapping[str, Any], declared: Mapping[str, Fact]) -> dict[str, FactValue]:
    """Return the facts that the evidence holds; one that is missing, or of another kind, is left out."""
    found: dict[str, FactValue] = {}
    for name, fact in declared.items():
        try:
            value = fact.value(found_at(evidence, fact.at))
        except LookupError:
            continue
        if value is not None:
            found[name] = value
    return found
