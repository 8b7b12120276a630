"""The watch over a certificate that is issued anew."""

import msgspec
import pytest
from tests.unit.engine.slices import COVERS

from adjudge.automation.watching import Watch
from adjudge.core.plans import AgainstPeople
from adjudge.engine import watches

AGAINST = msgspec.structs.replace(COVERS, people=AgainstPeople(votes=3, margin=0.0, over="automated"))


@pytest.mark.parametrize("covers", [COVERS, AGAINST], ids=["of a target", "against people"])
def test_what_has_been_seen_goes_on_to_speak_over_what_is_renewed(covers):
    """Who renews before the alarm would else never hear it."""
    watch = watches.begun(covers)
    for _ in range(2):
        watch = watch.after(1)

    renewed = watches.gone_on(watch, covers)

    assert 1 < watch.capital < watch.level
    assert (renewed.stakes, renewed.read, renewed.audits) == (watch.stakes, 2, 0)
    assert renewed.capital >= watch.capital


def test_each_of_those_that_inherit_is_watched_at_its_share():
    assert watches.begun(COVERS, siblings=20).level == 20 * watches.begun(COVERS).level
    watch = watches.gone_on(watches.begun(COVERS), COVERS, siblings=20)
    assert isinstance(watch, Watch)
    assert watch.level == 20 * watches.begun(COVERS).level
