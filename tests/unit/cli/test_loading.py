"""A process loads what its role needs: what it does not, it neither waits for at its start nor holds in memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WEB = {"fastapi", "starlette", "uvicorn", "pydantic"}
COLOURS = {"rich", "pygments"}
MIGRATING = {"alembic", "sqlalchemy"}
SERVER = {f"adjudge.{name}" for name in ("api", "automation", "config", "deciders", "engine", "store", "streams")}
UNUSED = {
    "roles, processes.serving": {"aiohttp", "httpx", "numpy"} | COLOURS | MIGRATING,
    "roles, processes.working": {"aiohttp", "httpx", "numpy", "adjudge.api"} | WEB | COLOURS | MIGRATING,
    "roles, processes.keeping": {"httpx", "adjudge.api"} | WEB | COLOURS | MIGRATING,
    "up": {
        *("aiohttp", "httpx", "numpy", "structlog", "prometheus_client"),
        *("adjudge.api", "adjudge.deciders", "adjudge.engine", "adjudge.streams"),
        *(WEB | COLOURS | MIGRATING),
    },
    "asking, decisions, keys, outcomes, queues": {"aiohttp", "asyncpg", "numpy", "structlog"} | SERVER | WEB,
}
"""By modules of the command line, those of one process together: what it must do without."""


@pytest.mark.parametrize("modules", UNUSED)
def test_a_process_loads_nothing_that_its_role_does_not_need(modules):
    names = ", ".join(f"adjudge.cli.{name}" for name in modules.split(", "))
    script = f"import sys, {names}; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()

    assert UNUSED[modules].intersection(loaded) == set()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not list a process's threads")
@pytest.mark.parametrize("module", ["backtesting", "processes.keeping"])
def test_what_computes_certificates_does_so_in_one_thread(module):
    """Threads that numpy would share its small matrices with spin: two thirds of a backtest's CPU on a busy machine."""
    script = f"import os, adjudge.cli.{module}, numpy; print(len(os.listdir('/proc/self/task')))"
    free = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}

    ran = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60, env=free
    )

    assert ran.stdout.split() == ["1"]


BUILT = """
from adjudge.api.answers import Answer
from adjudge.api.application import create_app

def below(kind):
    return [kind, *(deeper for each in kind.__subclasses__() for deeper in below(each))]

create_app(None)
print(*(kind.__name__ for kind in below(Answer) if kind is not Answer and kind.__pydantic_complete__))
"""


def test_what_describes_an_answer_is_built_when_somebody_asks_for_the_document():
    """A hundred models: a tenth of the CPU with which an API process starts."""
    ran = subprocess.run([sys.executable, "-c", BUILT], check=True, capture_output=True, text=True, timeout=60)

    assert ran.stdout.split() == []
