"""Which lanes are refused first when all of a name's lanes together hold too much."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shedding:
    """A bound for all lanes of a name together, in equal steps from the least urgent lane up.

    With three lanes and a total of 9,000 the last lane is refused from 3,000 unfinished entries on, the second from
    6,000, the first from 9,000: a lane is refused only while all lanes less urgent than it are.
    """

    lanes: tuple[str, ...]
    """The most urgent first."""
    total: int

    def __post_init__(self) -> None:
        if not self.lanes or len(set(self.lanes)) < len(self.lanes) or self.total < len(self.lanes):
            raise ValueError(f"shedding needs distinct lanes and a total of at least one for each: {self}")

    def bound(self, lane: str) -> int:
        """Unfinished entries of all lanes together from which on this one is refused."""
        steps = len(self.lanes) - self.lanes.index(lane)
        return self.total * steps // len(self.lanes)
