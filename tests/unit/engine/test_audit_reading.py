"""Audits of a group, read as if all its slices had been audited alike."""

from types import SimpleNamespace
from uuid import UUID

import msgspec
from tests.unit.engine.slices import COVERS, NOW

from adjudge.engine.certificates.audit_reading import AuditReading
from adjudge.engine.certificates.licensing import Sampling
from adjudge.store.automation.audited import Waiting
from adjudge.store.automation.covers import Membership


class Past:
    """One set of rates, in force for long."""

    async def of(self, connection, policies):
        return {5: {("claim.pay", "a"): 0.9, ("claim.pay", "b"): 0.3}}


def audit(number: int, slice_: str, rate: float) -> Waiting:
    return Waiting(
        decision_id=UUID(int=number), number=number, role="certify", rate=rate, asked_at=NOW, slice=slice_, policy=5
    )


async def test_who_joins_while_a_set_of_rates_is_in_force_weighs_in_it_what_they_are_from_then_on():
    """Thinned to the rates of those who were there before, a group's evidence would be mostly theirs."""
    joined = (Membership(slice="a"), Membership(slice="b", after=1_000))
    covers = msgspec.structs.replace(COVERS, slice="region=north", members=("a", "b"), memberships=joined)
    place = SimpleNamespace(covers=covers, follows_budget=True)
    reading = AuditReading(None, "scope", covers, place, Past())
    before = [audit(number, "a", 0.9) for number in range(1, 901)]
    after = [audit(1_000 + number, "a", 0.9) for number in range(1, 901)]
    of_b = [audit(2_000 + number, "b", 0.3) for number in range(1, 301)]

    kept, _ = await reading._alike(Sampling(), before + after + of_b)

    numbers = [row.number for row in kept]
    assert sum(number <= 1_000 for number in numbers) == 900, "as they were read before anybody joined"
    assert 250 < sum(1_000 < number <= 2_000 for number in numbers) < 350
    assert sum(number > 2_000 for number in numbers) == 300
