"""Who is in a group, from when until when: its evidence is what was audited while its slices were in it. No I/O."""

from collections.abc import Iterator, Sequence

import msgspec

from adjudge.engine.certificates.licensing import OfSlice
from adjudge.store.epochs import Covers, Membership


def noted(before: Covers | None, now: Covers, number: int, policy: int) -> Covers:
    """Return what a group covers now, with who came and went since.

    `number`: of the last decision; `policy`: the set of rates in force.

    What has been read of a slice that has gone stays evidence, so that what was counted is on the record. Of one that
    comes nothing counts that was audited elsewhere.
    """
    if not now.members:
        return now
    held = before.memberships or _from_the_beginning(before) if before is not None else _from_the_beginning(now)
    ended = [
        msgspec.structs.replace(one, until=number, until_policy=policy)
        if one.until is None and one.slice not in now.members
        else one
        for one in held
    ]
    there = {one.slice for one in ended if one.until is None}
    come = [Membership(slice=name, after=number, after_policy=policy) for name in now.members if name not in there]
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


def under(covers: Covers, policy: int) -> tuple[str, ...]:
    """Return the slices by whose rates in this set audits are thinned: the same ones whenever they are read."""
    if not covers.memberships:
        return covers.slices
    found = [
        one.slice
        for one in covers.memberships
        if one.after_policy < policy and (one.until_policy is None or policy <= one.until_policy)
    ]
    return tuple(dict.fromkeys(found))


def counted_after(covers: Covers) -> list[int]:
    """Return for each of `covers.slices` the last decision before its audits count."""
    after = {one.slice: one.after for one in covers.memberships if one.until is None}
    return [after.get(name, 0) for name in covers.slices]
