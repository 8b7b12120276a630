"""A change from the command line: planned, published, waited for, exported, rolled back; switches."""

import json

import pytest
from tests.commands import served, typed
from tests.stacks import PLANS, _people, configuration

TWO_VOTES = {
    **PLANS,
    "person": {"stages": [_people(votes={"min": 2, "max": 3}, combine="majority")], "fallback": {"answer": "refuse"}},
}


@pytest.fixture(scope="module")
async def url(stack):
    """The API of the stack on a port, for commands in other threads."""
    async with served(stack._app) as found:
        yield found


@pytest.fixture
def adjudge(stack, url, monkeypatch, tmp_path):
    """Runs a command in an empty folder, as the holder of the admin's key."""
    monkeypatch.chdir(tmp_path)
    return typed(url, stack.admin.key, monkeypatch)


def folder(path, **more):
    path.mkdir(exist_ok=True)
    (path / "all.yaml").write_text(json.dumps(configuration(**more), indent=1))
    return str(path)


async def test_a_folder_is_planned_published_received_exported_and_rolled_back(stack, adjudge, tmp_path):
    same, changed = folder(tmp_path / "same"), folder(tmp_path / "changed", plans=TWO_VOTES)

    assert [(await adjudge("config", "apply", each, "--check"))[0] for each in (same, changed)] == [0, 3]
    status, said = await adjudge("config", "apply", changed, "--yes", "-m", "two votes", "--json")
    published = json.loads(said)["revision"]
    told = json.loads(said)["receipts"]
    await adjudge("config", "export", "elsewhere")
    again = await adjudge("config", "apply", "elsewhere", "--check", "--base", published["hash"])
    other = await adjudge("config", "apply", same, "--yes", "--base", published["hash"])
    rolled = await adjudge("config", "rollback")
    _, listed = await adjudge("config", "revisions")
    _, fleet = await adjudge("config", "fleet")

    assert (status, told["complete"], told["live"]) == (0, True, 3)
    assert (again[0], other[0], rolled[0]) == (0, 1, 0)
    assert (await stack.fleet())["worker"].revision == published["number"] + 1
    lines = listed.splitlines()
    assert "roll back (again" in lines[1]
    assert lines[2].endswith("two votes")
    assert fleet.splitlines()[-1].endswith("3 of 3 processes have it")


async def test_faults_are_told_by_document_and_line_for_people_and_machines(adjudge, tmp_path):
    wrong = tmp_path / "wrong"
    folder(wrong)
    text = (wrong / "all.yaml").read_text().replace('"ask": "sure@1"', '"ask": "shure@1"')
    (wrong / "all.yaml").write_text(text)

    status, said = await adjudge("config", "apply", str(wrong))
    _, machine = await adjudge("config", "apply", str(wrong), "--check", "--json")

    assert status == 1
    assert said.startswith("all.yaml:")
    assert "did you mean `sure@1`?" in said
    assert json.loads(machine)["faults"][0]["nearest"] == "sure@1"


async def test_a_switch_is_thrown_listed_and_thrown_back(adjudge):
    off, said = await adjudge(
        "switches", "off", "type", "model", "--at", "store-001", "--reason", "shelf", "--for", "2h"
    )
    _, listed = await adjudge("switches", "ls")
    on, _ = await adjudge("switches", "on", "type", "model", "--at", "store-001")
    _, after = await adjudge("switches", "ls")
    wrong = await adjudge("switches", "off", "groop", "eu", "--reason", "x")

    assert (off, on, wrong[0]) == (0, 0, 2)
    assert said.startswith("type:model@store-001  off")
    assert "shelf" in listed
    assert "type:model@store-001" not in after
