"""Whom a statement serves: applied in SQL, so that no filter, cursor or guessed id reaches beyond."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["client", "reviewer", "operator", "admin"]

ORGANISATION = 1
"""The first releases run one organisation."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A caller, as far as rows are concerned."""

    principal: str
    """Id of the API key."""
    role: Role
    locations: tuple[str, ...] | None = None
    """None: all."""
    pools: tuple[str, ...] | None = None
    reviewer: str | None = None
    org: int = ORGANISATION

    def sees(self, location: str) -> bool:
        return self.locations is None or location in self.locations


SYSTEM = Scope("system", "admin")
"""Our own processes."""
