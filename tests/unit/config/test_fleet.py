"""A chain of 120 stores: what they share is compiled once."""

import sys
import time
from pathlib import Path
from textwrap import indent
from types import FrameType

import pytest

from adjudge.config import Configuration, InvalidConfiguration, compile_documents

TYPES = range(9)
STORES = 120


def plans(threshold: float) -> str:
    return "plans:\n" + "\n".join(
        f"""\
  p{number}:
    stages:
      - {{ask: [m@1, n@1], combine: agree, accept: {{by_hand: "confidence >= {threshold} && stake < {number}.5"}}}}
      - {{ask: agents, votes: {{min: 2, max: 3}}, combine: majority, timeout: 2m}}
    fallback: {{escalate: experts, timeout: 1m, then: safe_side}}
"""
        for number in TYPES
    )


def documents_of(stores: int) -> dict[str, str]:
    organisation = [
        'deciders: {m@1: {python: "models:m"}, n@1: {python: "models:n"}}',
        "pools: {agents: {}, experts: {}}",
        "types: {" + ", ".join(f"t{n}: {{answers: [a, b], deadline: 3m, safe_side: b}}" for n in TYPES) + "}",
        "routes: [" + ", ".join(f"{{type: t{n}, plan: p{n}}}" for n in TYPES) + "]",
        plans(0.9),
    ]
    groups = [f"  g{n}:\n{indent(plans(0.91 + n / 1000), '    ')}" for n in range(12)]
    stores = [f"  store-{n:03}: {{groups: [g{n % 12}], attributes: {{size: {n}}}}}" for n in range(stores)]
    return {
        "organisation.yaml": "\n".join(organisation),
        "groups.yaml": "groups:\n" + "\n".join(groups),
        "stores.yaml": "locations:\n" + "\n".join(stores),
    }


def fleet() -> Configuration:
    return compile_documents(documents_of(STORES), base=Path("/project"))


def test_a_fleet_compiles_within_its_budget() -> None:
    """1,080 plans in 2 s of CPU; a tenth of that where it was measured."""
    before = time.process_time()

    configuration = fleet()

    assert time.process_time() - before < 2
    assert len(configuration.locations) == STORES


def test_stores_of_a_group_share_their_plans() -> None:
    configuration = fleet()

    shared = {id(configuration.plan(store, f"t{n}")) for store in configuration.locations for n in TYPES}

    assert len(shared) == 12 * len(TYPES)
    assert len(configuration.by_hand()) == 12 * len(TYPES)


TOLD_APART = """\
organisation: {{currency: USD, rates: {{EUR: 1.08}}}}
types: {{t: {{answers: [a, b], safe_side: b}}}}
deciders: {{m@1: {{python: "models:m"}}}}
pools: {{agents: {{}}}}
plans:
  quick: {{stages: [{{ask: m@1, accept: {{by_hand: "confidence >= 0.9"}}}}], fallback: safe_side}}
  careful: {{stages: [{{ask: agents, timeout: 1m}}], fallback: safe_side}}
groups: {{bars: {{}}}}
routes:
  - {{type: t, plan: careful, {only}}}
  - {{type: t, plan: quick}}
locations:
  first: {{}}
  other: {{{differs}}}
"""


@pytest.mark.parametrize(
    ("only", "differs"),
    [
        ("""when: 'location == "other"'""", ""),
        ("locations: [other]", ""),
        ("groups: [bars]", "groups: [bars]"),
        ("""when: '"alcohol" in tags'""", "tags: [alcohol]"),
        ("""when: 'currency == "EUR"'""", "currency: EUR"),
        ("when: 'attributes.size > 2.0'", "attributes: {size: 3}"),
    ],
)
def test_what_a_route_tells_a_location_by_is_looked_at_at_each(only: str, differs: str) -> None:
    """Locations of which no route tells one from the other are compiled once; these are not such."""
    text = TOLD_APART.format(only=only, differs=differs)

    configuration = compile_documents({"a.yaml": text}, base=Path("/project"))

    assert [configuration.plan(name, "t").name for name in ("first", "other")] == ["quick", "careful"]


def test_a_locations_own_audits_are_looked_at_though_its_routes_are_those_of_others() -> None:
    text = """\
types: {t: {answers: [a, b], safe_side: b}}
deciders: {m@1: {python: "models:m"}}
pools: {agents: {}, expert: {}}
audits: {rate: 5%, pool: agents, expert: expert, expert_share: 100%, people: 3}
plans:
  sure: {stages: [{ask: m@1, accept: {certified: {people: {votes: 3}}}}], fallback: safe_side}
routes: [{type: t, plan: sure}]
locations:
  first: {}
  other: {audits: {people: 1}}
"""

    with pytest.raises(InvalidConfiguration, match="set 1 apart"):
        compile_documents({"a.yaml": text}, base=Path("/project"))


def longest_step(stores: int) -> int:
    """Return how many calls there are between two pauses, at most."""
    calls = longest = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    def pause() -> None:
        nonlocal calls, longest
        calls, longest = 0, max(calls, longest)

    shops = "\n".join(f"  shop-{number}: {{tags: [t{number % 9}], currency: EUR}}" for number in range(stores))
    documents = {"shops.yaml": TOLD_APART.format(only="groups: [bars]", differs=f"}}\n{shops}\n  last: {{")}
    sys.setprofile(count)
    try:
        compile_documents(documents, base=Path("/project"), pause=pause)
        pause()
    finally:
        sys.setprofile(None)
    return longest


def test_no_step_between_two_pauses_grows_with_the_fleet() -> None:
    """Whoever is served meanwhile waits for one step."""
    assert longest_step(400) <= longest_step(200) + 20
