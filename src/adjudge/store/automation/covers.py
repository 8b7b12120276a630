"""What certificates speak of, and what they promise: fixed with an epoch, but for locations and rates."""

from typing import Final

import msgspec

from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople

OR: Final = " or "
"""Between the truths of locations that find them out in different ways."""


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """From when until when a slice is in a group: its audits of that time are the group's evidence."""

    slice: str
    after: int = 0
    """Number of the last decision before."""
    until: int | None = None
    """Number of the last decision; None: it is there."""


class Covers(msgspec.Struct, frozen=True, kw_only=True):
    """What the certificates of a scope speak of, and what they promise."""

    type: str
    slice: str
    prefix: str
    plan: str
    stage: int
    deciders: tuple[str, ...]
    """Of the whole prefix, with their versions; where it ends with a stage of people, their pool is the last."""
    locations: tuple[str, ...]
    target: float
    """Against people the margin."""
    confidence: float
    watch: float
    validity_seconds: float
    validity_audits: int = 5_000
    ends_with_drift: bool = False
    is_audited: bool
    has_expert: bool
    expert_share: float
    """1 where experts answer every audit."""
    truth: str = ""
    """Whose word the truth of an audit is: `expert`, `3 alike, else expert`, `3 alike`; where locations differ, all of
    these (see `OR`); empty: of before this was on record."""
    alike: int = 0
    """How many people must say the same for it to be the truth; 0: of before this was on record, or none do."""
    rate: float
    budget: float | None
    is_told: bool = msgspec.field(name="is_of_models")
    """Whether audits tell what the prefix would have answered."""
    votes: int = 0
    """How many people its last stage asks; 0: none, it is of models."""
    people: AgainstPeople | None = None
    money: Stake | None = None
    family: int = 0
    members: tuple[str, ...] = ()
    """Slices that are in the group now; empty: it is of a slice."""
    memberships: tuple[Membership, ...] = ()
    """Of a group: also of slices that have left it. Their audits of that time are counted, and stay on its record."""
    parent: str | None = None
    """Scope of the group's certificate that the slice has until its own."""

    @property
    def slices(self) -> tuple[str, ...]:
        """All of which it speaks."""
        return self.members or (self.slice,)

    @property
    def has_one_truth(self) -> bool:
        """Whether what is true of an audit is found out in the same way at all locations."""
        return OR not in self.truth

    def is_told_otherwise(self, now: "Covers") -> bool:
        """Return whether what is true of an audit is found out in another way now."""
        is_otherwise = self.has_expert != now.has_expert or self.has_one_truth != now.has_one_truth
        return is_otherwise or bool(self.truth and self.truth != now.truth)

    def sources(self, after: int) -> tuple[str, ...]:
        """Return all whose audits of decisions with higher numbers may be its evidence."""
        gone = [one.slice for one in self.memberships if one.until is not None and one.until > after]
        return tuple(dict.fromkeys([*self.slices, *gone]))
