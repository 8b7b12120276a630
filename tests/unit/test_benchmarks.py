"""Benchmarks are asked, not run: they take their options, and a row that is missing is an aim that is missed."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
PUBLISHING = [
    "automation",
    "config",
    "end_to_end",
    "export",
    "in_service",
    "intake",
    "memory",
    "publishing",
    "settlement",
    "startup",
    "webhooks",
]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch):
    """Loads a benchmark as a module; what it brought along is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("load", "baselines", "peers", "contest"):
            del sys.modules[name]


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_explains_its_options(loaded, monkeypatch, capsys, name):
    monkeypatch.setattr(sys, "argv", [name, "--help"])

    with pytest.raises(SystemExit) as ended:
        loaded(name).main()

    assert ended.value.code == 0
    assert "usage: " in capsys.readouterr().out


@pytest.mark.parametrize("name", PUBLISHING)
def test_aims_without_their_rows_are_missed(loaded, monkeypatch, tmp_path, name):
    benchmark = loaded(name)

    async def nothing(options):
        return []

    monkeypatch.setattr(benchmark, "measure", nothing)
    monkeypatch.setattr(sys, "argv", [name, "--json", str(tmp_path / "found.json")])
    benchmark.main()

    found = json.loads((tmp_path / "found.json").read_text())
    assert found["rows"] == []
    assert len(found["aims"]) == len(benchmark.TARGETS) > 0
    assert [aim["met"] for aim in found["aims"]] == [False] * len(benchmark.TARGETS)


@pytest.mark.parametrize("name", PUBLISHING)
def test_an_aim_is_met_on_its_bound_and_missed_beyond(loaded, name):
    benchmark = loaded(name)
    report = sys.modules["load.report"]

    for target in benchmark.TARGETS:
        beyond = target.bound * (0.99 if target.comparison == ">=" else 1.01) + (target.comparison == "<=") * 1e-9
        for value, met in ((target.bound, True), (beyond, False)):
            row = report.Row(target.row, "", value, target.unit, value)
            assert report.judged(target, {row.name: row}).met is met, target.name
