"""What a caller may see. It is applied in SQL, so that no filter, cursor or guessed id reaches beyond it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["client", "reviewer", "operator", "admin"]

ORGANISATION = 1
"""The first releases run one organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a key may ask for; None: as much as it wants."""

    requests_per_second: float | None = None
    bytes_per_second: int | None = None
    """Of the bodies of requests."""
    open_decisions: int | None = None
    """Decisions without a final outcome that it has asked for."""


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
    limits: Limits | None = None

    def sees(self, location: str) -> bool:
        return self.locations is None or location in self.locations


SYSTEM = Scope("system", "admin")
"""Our own processes."""
