"""Who is in a group, from when until when: its evidence is what was audited while its slices were in it. No I/O."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from adjudge.engine.certificates.licensing import OfSlice
from adjudge.store.automation.covers import Covers, Membership


def noted(before: Covers | None, now: Covers, number: int) -> Covers:
    """Return what a group covers now, with who came and went since. `number`: of the last decision.

    What has been read of a slice that has gone stays evidence, so that what was counted is on the record. Of one that
    comes nothing counts that was audited elsewhere.
    """
    if not now.members:
        return now
    held = before.memberships or _from_the_beginning(before) if before is not None else _from_the_beginning(now)
    ended = [
        msgspec.structs.replace(one, until=number) if one.until is None and one.slice not in now.members else one
        for one in held
    ]
    there = {one.slice for one in ended if one.until is None}
    come = [Membership(slice=name, after=number) for name in now.members if name not in there]
    return msgspec.structs.replace(now, memberships=(*ended, *come))


def _from_the_beginning(covers: Covers) -> tuple[Membership, ...]:
    return tuple(Membership(slice=name) for name in covers.members)


def while_members(rows: Sequence[OfSlice], memberships: Sequence[Membership]) -> list[OfSlice]:
    """Return audits of decisions that were asked while their slice was in the group."""
    return list(_while_members(rows, memberships)) if memberships else list(rows)


def _while_members(rows: Sequence[OfSlice], memberships: Sequence[Membership]) -> Iterator[OfSlice]:
    spans: dict[str, list[Membership]] = {}
    for one in memberships:
        spans.setdefault(one.slice, []).append(one)
    for row in rows:
        for span in spans.get(row.slice, ()):
            if span.after < row.number and (span.until is None or row.number <= span.until):
                yield row
                break


class Members:
    """Who is in a group at which decision: the same whenever it is read."""

    def __init__(self, covers: Covers) -> None:
        self._covers = covers
        edges = {edge for one in covers.memberships for edge in (one.after, one.until) if edge is not None}
        self._edges = sorted(edges)
        self._found: dict[int, tuple[str, ...]] = {}
        """Between which edges, who."""

    def at(self, number: int) -> tuple[str, ...]:
        """Return the slices that are in it when the decision with this number is asked."""
        if not self._covers.memberships:
            return self._covers.slices
        span = bisect_left(self._edges, number)
        if span not in self._found:
            there = [
                one.slice
                for one in self._covers.memberships
                if one.after < number and (one.until is None or number <= one.until)
            ]
            self._found[span] = tuple(dict.fromkeys(there))
        return self._found[span]


def counted_after(covers: Covers) -> list[int]:
    """Return for each of `covers.slices` the last decision before its audits count."""
    after = {one.slice: one.after for one in covers.memberships if one.until is None}
    return [after.get(name, 0) for name in covers.slices]
