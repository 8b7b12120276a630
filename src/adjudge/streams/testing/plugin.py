"""The fixture `streams_simulation` for pytest: `pytest_plugins = ["adjudge.streams.testing.plugin"]` in a conftest.py.

`--streams-seed N` runs one seed only, such as one that a failure has named.
"""

from collections.abc import Callable, Iterable

import pytest

from adjudge.streams.testing.simulation import Story, simulated


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--streams-seed", type=int, default=None, help="run simulations of streams with this seed only")


@pytest.fixture
def streams_simulation(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a story in virtual time on a broker in memory: `streams_simulation(story, seeds=range(100))`."""
    only = request.config.getoption("--streams-seed")

    def run(story: Story, *, seeds: Iterable[int] = (0,)) -> None:
        simulated(story, seeds=seeds if only is None else (only,))

    return run
