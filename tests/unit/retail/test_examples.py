from datetime import datetime, timedelta

import pytest

from adjudge.config import Request, compile_documents, read_folder
from adjudge.core.money import Stake
from adjudge_retail import EXAMPLES


@pytest.fixture(scope="module")
def configuration():
    return compile_documents(read_folder(EXAMPLES), base=EXAMPLES)


def test_the_example_is_a_fleet_of_120_stores(configuration):
    stores = configuration.locations.values()

    assert len(stores) == 120
    assert {group for store in stores for group in store.groups} == {
        "northway", "parkline", "zielony", "us", "us-east", "us-west", "uk", "poland",
        "kiosk", "convenience", "stadium", "airport", "campus", "grocery",
    }  # fmt: skip
    assert len({store.time_zone for store in stores}) == 4
    assert {store.currency for store in stores} == {"USD", "GBP", "PLN"}


def test_nothing_in_the_example_is_read_by_nobody(configuration):
    assert configuration.unread() == ()


def test_stores_follow_the_plan_of_their_format(configuration):
    plans = {
        next(
            group
            for group in store.groups
            if group in {"kiosk", "stadium", "airport", "grocery", "campus", "convenience"}
        ): configuration.plan(store.name, "product.identify").name
        for store in configuration.locations.values()
        if "new" not in store.tags
    }

    assert plans == {
        "kiosk": "quick", "stadium": "quick", "airport": "careful", "grocery": "careful",
        "campus": "standard", "convenience": "standard",
    }  # fmt: skip


def plan(configuration, store, amount, currency, at):
    request = Request(datetime.fromisoformat(at), Stake(amount, currency))
    return configuration.way(store, "product.identify", request).plan.name


def test_two_rules_route_new_stores_and_dear_carts(configuration):
    """Whatever the format: a new store needs its tag, and a dear cart only its price."""
    noon = "2026-03-03T12:00-05:00"

    assert plan(configuration, "store-120", 100, "USD", noon) == "people"
    assert plan(configuration, "store-081", 2000, "USD", "2026-03-03T15:00-05:00") == "standard"
    assert plan(configuration, "store-081", 2001, "USD", "2026-03-03T15:00-05:00") == "careful"
    assert plan(configuration, "store-002", 1501, "GBP", noon) == "careful"


def test_lunch_and_half_time_follow_the_clock_of_the_store(configuration):
    assert plan(configuration, "store-081", 100, "USD", "2026-03-03T12:00-05:00") == "quick"  # New York
    assert plan(configuration, "store-084", 100, "USD", "2026-03-03T12:00-05:00") == "standard"  # Los Angeles: 09:00
    assert plan(configuration, "store-081", 100, "USD", "2026-12-25T12:00-05:00") == "standard"  # Christmas
    at_half_time = datetime.fromisoformat("2026-03-07T15:45+01:00")
    deadlines = [
        configuration.question_type(store, "product.identify", at_half_time).deadline
        for store in ("store-055", "store-054")
    ]
    assert deadlines == [timedelta(seconds=90), timedelta(minutes=3)]  # Warsaw, and London an hour behind


def test_a_store_is_a_line(configuration):
    stores = [EXAMPLES / f"stores-{chain}.yaml" for chain in ("northway", "parkline", "zielony")]

    assert sum(len(file.read_text().splitlines()) - 1 for file in stores) == 120
