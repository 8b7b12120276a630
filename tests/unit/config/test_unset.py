"""An attribute that a threshold reads, and that no location has at which it is in force, is remarked."""

import pytest
from tests.unit.config.documents import CLAIMS

from adjudge.config import compile_documents
from adjudge.config.remarks import remarks

PLACES = "locations: {oslo: {attributes: {risk: low}}, rome: {}}\n"


@pytest.fixture
def remarked(tmp_path):
    """Return the remarks that a document brings about attributes that are read in vain."""

    def found(condition: str) -> list[str]:
        text = CLAIMS.replace("confidence >= 0.95", condition) + PLACES
        compiled = compile_documents({"config/claims.yaml": text}, base=tmp_path)
        return [each for each in remarks(compiled) if each.startswith("no location at which")]

    return found


def test_of_a_threshold_with_what_was_probably_meant(remarked):
    """It let nothing through anywhere, and only the reason of each decision said that it did not hold."""
    assert remarked("attributes.rsk == 'low'") == [
        "no location at which `attributes.rsk == 'low'` is in force has the attribute `rsk`; did you mean `risk`? "
        "(config/claims.yaml:10)"
    ]
    assert len(remarked("attributes['rsk'] == 'low' || attributes.tier == 'x'")) == 2


def test_what_one_location_has_or_the_threshold_asks_for_is_not_remarked(remarked):
    for condition in (
        "attributes.risk == 'low'",
        "has(attributes.tier) && attributes.tier == 'x'",
        "!('tier' in attributes) || attributes.tier == 'x'",
    ):
        assert remarked(condition) == [], condition
