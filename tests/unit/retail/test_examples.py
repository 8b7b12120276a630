import pytest

from adjudge.config import compile_documents, read_folder
from adjudge_retail import EXAMPLES


@pytest.fixture(scope="module")
def configuration():
    return compile_documents(read_folder(EXAMPLES), base=EXAMPLES)


def test_the_example_is_a_fleet_of_120_stores(configuration):
    stores = configuration.locations.values()

    assert len(stores) == 120
    assert {group for store in stores for group in store.groups} == {
        "northway", "parkline", "zielony", "kiosk", "convenience", "stadium", "airport", "campus", "grocery",
    }  # fmt: skip
    assert len({store.time_zone for store in stores}) == 4
    assert {store.currency for store in stores} == {"USD", "GBP", "PLN"}


def test_stores_follow_the_plan_of_their_format(configuration):
    plans = {
        next(
            group
            for group in store.groups
            if group in {"kiosk", "stadium", "airport", "grocery", "campus", "convenience"}
        ): configuration.plan(store.name, "product.identify").name
        for store in configuration.locations.values()
    }

    assert plans == {
        "kiosk": "quick", "stadium": "quick", "airport": "careful", "grocery": "careful",
        "campus": "standard", "convenience": "standard",
    }  # fmt: skip
