"""The demo at the 120 stores of the example configuration."""

from datetime import UTC, datetime

import pytest

from adjudge.config import Request, compile_documents
from adjudge.core.money import Stake
from adjudge_retail import EXAMPLES, TABLES, pack
from adjudge_retail.demo import example
from adjudge_retail.demo.cases import shipped_sources
from adjudge_retail.demo.project import write_project
from adjudge_retail.demo.script import write_example
from adjudge_retail.demo.telling import introduction
from adjudge_retail.labelled import read_set

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def script():
    sources = shipped_sources(read_set(TABLES / "grocery"), read_set(TABLES / "grocery-claims"))
    return write_example(sources, 1000, speed=None, seed=1, run="r")


@pytest.fixture(scope="module")
def configuration(tmp_path_factory):
    """What the system makes of the folder that the demo writes; the pack's own documents come along as it has them."""
    folder = write_project(tmp_path_factory.mktemp("demo") / "project", example.documents()).folder / "config"
    own = {f"config/{path.name}": path.read_text() for path in folder.glob("*.yaml")}
    offered = {"pack:retail/retail.yaml": (pack.config / "retail.yaml").read_text()}
    return compile_documents({**offered, **own}, base=folder.parent)


def test_the_documents_are_those_that_are_shipped_but_for_one():
    """What is shown is the example, not something like it."""
    shipped = {path.name: path.read_text() for path in EXAMPLES.glob("*.yaml")}

    written = example.documents()

    assert written.keys() == shipped.keys()
    assert [name for name in shipped if written[name] != shipped[name]] == ["references.yaml"]


def test_whatever_is_asked_is_answerable_at_all_120_stores(script, configuration):
    """By the models that are played back, or the people at work, at whatever hour."""
    assert configuration.locations.keys() == {store.name for store in script.setting.fleet.stores}
    assert len(configuration.locations) == 120
    for source in script.setting.sources:
        for store in script.setting.fleet.stores:
            for plan in configuration.site(store.name).possible(source.type):
                stages = [*plan.stages, *plan.escalations]
                assert {stage.pool for stage in stages if stage.pool} <= script.staff.keys()
                assert {name for stage in stages for name in stage.deciders} <= source.labelled.scores.keys()


def test_the_demo_knows_of_each_store_what_the_configuration_says(script, configuration):
    for store in script.setting.fleet.stores:
        location = configuration.location(store.name)
        assert location.dimensions["format"] == store.group
        assert location.currency == store.currency
        assert configuration.organisation.rates[store.currency] == store.dollars


def test_every_question_has_a_stake_in_the_money_of_its_store(script, configuration):
    """Unknown money is over any limit: such questions would all be answered by people."""
    stakes = [(scene.case.stake, scene.case.store) for scene in script.scenes]

    assert all(stake and stake.endswith(f" {store.currency}") for stake, store in stakes)
    assert {_plan(configuration, scene.case) for scene in script.scenes} == {"quick", "standard", "careful", "people"}


def _plan(configuration, case):
    amount, currency = case.stake.split()
    request = Request(NOW, Stake(round(float(amount) * 100), currency))
    return configuration.way(case.store.name, case.source.type, request).plan.name


def test_it_says_that_nothing_is_earned(script):
    said = introduction(script)

    assert "120 stores" in said
    assert "set by hand, uncertified" in said
    assert script.model_of("product.confirm", "kiosk") is None
