"""People finish what an earlier revision asked them, though the current one knows nothing of it."""

import json
from functools import partial

import pytest
from tests.configured import PLANS, configuration

from adjudge.config import compile_documents
from adjudge.engine.configuration.revisions import Revisions


@pytest.fixture
async def published(stack, monkeypatch):
    """Puts other documents in force, as a replica has them that started after they were published."""

    def publish(**more) -> None:
        base = stack.folder / "config"
        compiled = partial(compile_documents, base=base)
        documents = {"all.yaml": json.dumps(configuration(**more))}
        revisions = Revisions(compiled(documents, revision=2), lambda old, number, *_: compiled(old, revision=number))
        monkeypatch.setattr(stack.services, "revisions", revisions)

    return publish


def without(*plans: str) -> dict:
    """The documents less some types with their plans."""
    kept = [name for name in PLANS if name not in plans]
    whole = configuration()
    return {
        "types": {name: whole["types"][name] for name in kept},
        "plans": {name: PLANS[name] for name in kept},
        "routes": [{"type": name, "plan": name} for name in kept],
    }


async def test_a_task_is_shown_as_its_own_revision_has_it(stack, published):
    """The type and the location are gone; the lease is committed before anything can be refused."""
    anna = await stack.reviewer("anna")
    asked = (await stack.ask("person", location="store-001", note="cup"))["id"]
    published(**without("person"), locations={"default": {}})

    [task] = await anna.claim()

    assert (task["type"], task["location"], task["evidence"]["note"]) == ("person", "store-001", "cup")
    assert task["title"] == "Shall we pay?"
    assert task["answers"] == ["pay", "refuse"]
    assert (await anna.answer(task, "pay")).status_code == 200
    assert (await stack.read(asked))["outcome"]["answer"] == "pay"


async def test_a_task_of_a_revision_that_cannot_be_read_is_shown_without_its_words(stack, published):
    anna = await stack.reviewer("anna")
    asked = (await stack.ask("person"))["id"]
    published(**without("person"))
    old = stack.services.revisions
    old._compile = lambda *_: old.configuration(2).pool("gone")

    [task] = await anna.claim()

    assert (task["title"], task["guidelines"], task["show"]) == ("", "", [])
    assert task["answers"] == ["pay", "refuse"]
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")


async def test_a_vote_for_a_pool_that_is_gone_counts(stack, published):
    """What was paid for at the wage of the revision that asked."""
    anna = await stack.reviewer("anna")
    asked = (await stack.ask("person"))["id"]
    [task] = await anna.claim()
    people = [name for name, plan in PLANS.items() if "agents" in json.dumps(plan)]
    published(**without(*people), pools={"experts": {}, "brief": {}, "few": {}, "closed": {}})

    beat = await anna.post(f"/v1/reviews/{task['id']}/heartbeat", {"token": task["token"]})
    answer = await anna.answer(task, "refuse")

    assert (beat.status_code, answer.status_code) == (200, 200), answer.text
    assert (await stack.read(asked))["outcome"]["source"] == "reviewer"
    opinion = (await stack.path(asked))[1]
    assert (opinion["pool"], opinion["currency"]) == ("agents", "USD")
