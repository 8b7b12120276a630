"""Two releases side by side on one database: that of the previous commit, from its wheel, and this one."""

import asyncio
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.fleet import Callers, Member
from tests.stacks import Stack

ROOT = Path(__file__).parents[3]
PACKED = ("src", "pyproject.toml", "README.md", "LICENSE")
ACCEPT = {"by_hand": "confidence >= 0.95"}
PEOPLE = {"ask": "agents", "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": "10m"}
REFUSE = {"answer": "refuse"}
PLANS: Mapping[str, Any] = {
    "model": {"stages": [{"ask": "sure@1", "accept": ACCEPT}], "fallback": REFUSE},
    "cascade": {
        "stages": [{"ask": "unsure@1", "accept": ACCEPT}, {"ask": "second@1", "accept": ACCEPT}],
        "fallback": REFUSE,
    },
    "both": {
        "stages": [{"ask": ["sure@1", "second@1"], "combine": "agree", "accept": ACCEPT, "timeout": "60s"}],
        "fallback": REFUSE,
    },
    "claims": {"stages": [{"ask": "unsure@1", "accept": ACCEPT}, PEOPLE], "fallback": REFUSE},
    "nobody.answer": {"stages": [{**PEOPLE, "timeout": "400ms"}], "fallback": REFUSE},
}
FIRST_RELEASE = {
    "organisation": {"name": "tests", "currency": "USD"},
    "types": {name: {"answers": ["pay", "refuse"]} for name in PLANS},
    "deciders": {f"{name}@1": {"python": f"deciders:{name}"} for name in ("sure", "second", "unsure")},
    "pools": {"agents": {}},
    "plans": PLANS,
    "routes": [{"type": name, "plan": name} for name in PLANS],
}
"""Configuration that both read: processes are upgraded first, what is new is configured afterwards."""
SETTLING = ["model", "model", "cascade", "both", "nobody.answer"]
EXPECTED = {
    "model": ("model", "pay"),
    "cascade": ("model", "pay"),
    "both": ("model", "pay"),
    "nobody.answer": ("fallback", "refuse"),
}


def git(*arguments: str) -> str | None:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    return ran.stdout.strip() if ran.returncode == 0 else None


def previous() -> str | None:
    """The commit before what is tested; None where there is no history: this tree stands in for it then."""
    is_clean = git("status", "--porcelain", "--", "src") == ""
    return (is_clean and git("rev-parse", "HEAD~1")) or git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def old_release(tmp_path_factory) -> Path:
    """A folder with the previous commit's packages, as its wheel has them."""
    commit, folder = previous(), tmp_path_factory.mktemp("previous")
    tree = ROOT
    if commit is not None:
        tree = folder / "tree"
        archive = folder / "tree.tar"
        subprocess.run(["git", "archive", "-o", archive, commit, *PACKED], cwd=ROOT, check=True, timeout=60)
        with tarfile.open(archive) as packed:
            packed.extractall(tree, filter="data")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=tree,
        check=True,
        capture_output=True,
        timeout=60,
    )
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "packages")
    return folder / "packages"


class Releases:
    """Starts processes of both."""

    def __init__(self, stack: Stack, old: Path) -> None:
        self._stack = stack
        self._old = {"PYTHONPATH": str(old), "ADJUDGE_LEASE_SECONDS": "1"}
        self._new = {"ADJUDGE_LEASE_SECONDS": "1"}

    async def start(self, *names: str) -> list[Member]:
        members = [self._member(name) for name in names]
        for member in members:
            await member.start()
        await asyncio.gather(*(member.until_ready() for member in members))
        return members

    def _member(self, name: str) -> Member:
        if name.endswith("-old"):
            probe = "/readyz" if name.startswith("api") else "/livez"  # all that the first release had
            return Member(self._stack, name, probe=probe, **self._old)
        return Member(self._stack, name, **self._new)


@pytest.mark.timeout(180)
async def test_the_old_worker_works_beside_the_new_api_and_the_new_worker_beside_the_old(build_stack, old_release):
    """Schema first, then processes in any order: each slip, history and path is read by both; all settle as asked."""
    stack = await build_stack()
    (stack.folder / "config" / "all.yaml").write_text(json.dumps(FIRST_RELEASE))
    releases = Releases(stack, old_release)
    new_api, old_worker, old_keeper = await releases.start("api-new", "worker-old", "keeper-old")
    await stack.reach(new_api.url)
    anna = await stack.reviewer("anna")

    new_beside_old = Callers([new_api.url], stack.admin.key, SETTLING)
    async with new_beside_old.asking():
        await new_beside_old.accepts(100)
    waiting = await stack.ask("claims")
    await stack.settled(new_beside_old.accepted.values(), seconds=60)
    [task] = await anna.claim(wait=10)
    [old_api, _, _] = await releases.start("api-old", "worker-new", "keeper-new")
    both = Callers([new_api.url, old_api.url], stack.admin.key, SETTLING)
    async with both.asking():
        await both.accepts(60)
        for leaving in (old_worker, old_keeper):
            assert await leaving.process.terminate() == 0
        await both.accepts(60)
    assert (await anna.answer(task, "pay")).status_code == 200
    await stack.settled([*both.accepted.values(), waiting["id"]], seconds=60)

    assert await answered(stack) == {**EXPECTED, "claims": ("reviewer", "pay")}
    assert await stack.value("SELECT count(*) FROM work WHERE purpose = 'decide'") == 0
    assert misunderstood(stack) == []


def misunderstood(stack: Stack) -> list[str]:
    """What one release could not read of the other: sent again, it would be settled all the same."""
    lines = [line for role in ("api", "worker", "keeper") for line in (stack.folder / f"{role}.log").open()]
    return [line for line in lines if any(event in line for event in ("message.failed", "message.dead", "row_failed"))]


async def answered(stack: Stack) -> dict[str, tuple[str, str]]:
    """By type, the one source and answer that all its outcomes have."""
    rows = await stack.rows(
        "SELECT DISTINCT decision.type, outcome.source, outcome.answer FROM outcome JOIN decision ON id = decision_id"
    )
    assert len({row["type"] for row in rows}) == len(rows), rows
    return {row["type"]: (row["source"], row["answer"]) for row in rows}


def test_the_old_release_is_another_than_this(old_release):
    """Else nothing was tested above."""
    program = "import adjudge; print(adjudge.__file__)"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(old_release)},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )

    assert ran.stdout.startswith(str(old_release))
