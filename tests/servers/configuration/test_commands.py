"""A change from the command line: planned, published, waited for, exported, rolled back; switches."""

import json

import pytest
from tests.commands import served, typed
from tests.configured import PLANS, configuration, of_people

TWO_VOTES = {
    **PLANS,
    "person": {"stages": [of_people(votes={"min": 2, "max": 3}, combine="majority")], "fallback": {"answer": "refuse"}},
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


async def numbers(adjudge):
    """Return the numbers of all revisions and where each holds, newest first."""
    found = json.loads((await adjudge("config", "revisions", "--json"))[1])
    return [(each["number"], each["rest"], each["hash"]) for each in found]


async def test_what_holds_at_some_locations_is_compared_there_and_not_said_to_be_in_force(adjudge, tmp_path):
    """What is shown is what publishing there changes; the rest follows when it is applied everywhere."""
    same, changed = folder(tmp_path / "same"), folder(tmp_path / "changed", plans=TWO_VOTES)
    await adjudge("config", "apply", same, "--yes")

    async def differs(path, *words):
        status, said = await adjudge("config", "apply", path, "--check", "--json", *words)
        plans = json.loads(said)["difference"]["plans"]
        return status, sorted(place for plan in plans for place in plan["locations"])

    assert await differs(changed, "--location", "store-001") == (3, ["store-001"])
    await adjudge("config", "apply", changed, "--yes", "--location", "store-001")

    assert await differs(changed) == (3, ["default", "store-002"])
    assert await differs(same) == (3, ["store-001"])
    assert await differs(changed, "--location", "store-002") == (3, ["store-001", "store-002"])
    await adjudge("config", "apply", changed, "--yes")
    assert await differs(changed) == (0, [])
    assert (await adjudge("config", "apply", same, "--location", "nowhere"))[0] == 1


async def test_without_a_terminal_nothing_is_published_that_was_not_said_yes_to(adjudge, tmp_path):
    await adjudge("config", "apply", folder(tmp_path / "same"), "--yes")
    other, before = folder(tmp_path / "other", plans=TWO_VOTES), await numbers(adjudge)

    status, _ = await adjudge("config", "apply", other)

    assert (status, await numbers(adjudge)) == (1, before)


async def test_a_roll_back_goes_to_what_held_everywhere_before_and_never_back_to_what_it_undid(adjudge, tmp_path):
    good, bad = folder(tmp_path / "good"), folder(tmp_path / "bad", plans=TWO_VOTES)
    await adjudge("config", "apply", good, "--yes")
    (first, _, hash_), *_ = await numbers(adjudge)
    await adjudge("config", "apply", bad, "--yes", "--location", "store-001")
    await adjudge("config", "publish", "--again", str(first + 1))

    rolled = await adjudge("config", "rollback")
    again = await adjudge("config", "rollback")

    assert (rolled[0], again[0]) == (0, 1)
    assert (await numbers(adjudge))[0] == (first + 3, None, hash_)


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
