"""What of the reference follows from the code is as the code has it; `make reference` makes it so."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", FOLDER / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return dict(generator().pages())


@pytest.mark.parametrize(
    "name",
    [
        "settings.md",
        "configuration-keys.md",
        "configuration.schema.json",
        "commands-in-full.md",
        "http-api-in-full.md",
        "metrics.md",
        "events.md",
    ],
)
def test_a_page_is_what_the_generator_writes(pages, name):
    written = (FOLDER / name).read_text(encoding="utf-8")

    assert written.splitlines() == pages[name].splitlines()


def test_no_page_is_generated_that_is_not_compared(pages):
    assert pages.keys() == {
        "settings.md",
        "configuration-keys.md",
        "configuration.schema.json",
        "commands-in-full.md",
        "http-api-in-full.md",
        "metrics.md",
        "events.md",
    }
