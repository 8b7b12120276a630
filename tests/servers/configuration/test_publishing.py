"""Publishing over HTTP: whole or not at all, never over somebody else's change, with a second person if wanted."""

import asyncio
import json
from uuid import UUID

import asyncpg
import pytest
from tests.configured import PLANS, configuration, of_people
from tests.stacks import Caller
from tests.waiting import until

TWO_VOTES = {
    "person": {
        "stages": [of_people(votes={"min": 2, "max": 3}, combine="majority")],
        "fallback": {"answer": "refuse"},
    },
}
MORE = {"plans": {**PLANS, **TWO_VOTES}}


def documents(**more) -> dict[str, str]:
    return {"all.yaml": json.dumps(configuration(**more), indent=1)}


class Operator:
    """Publishes as the holder of a key."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def in_force(self) -> dict:
        answer = await self.caller.get("/v1/config/revisions/newest")
        assert answer.headers["etag"] == f'"{answer.json()["number"]}"'
        return answer.json()

    async def publish(self, base: object = "*", **body) -> object:
        return await self.caller.post("/v1/config/revisions", body, If_Match=f'"{base}"' if base != "*" else "*")

    async def draft(self, **more) -> str:
        answer = await self.caller.post("/v1/config/drafts", {"documents": documents(**more), "message": "why"})
        assert (answer.status_code, answer.headers["etag"]) == (201, '"1"'), answer.text
        return answer.json()["id"]

    async def act(self, draft: str, what: str, version: int = 1, body: object = None) -> object:
        return await self.caller.post(f"/v1/config/drafts/{draft}/{what}", body or {}, If_Match=f'"{version}"')


@pytest.fixture
async def anna(stack):
    return Operator(await stack.key("operator"))


@pytest.fixture
async def ben(stack):
    return Operator(await stack.key("operator"))


@pytest.fixture(autouse=True)
async def as_it_was(stack):
    yield
    await stack.until_run((await stack.publish()).number)


async def test_published_it_is_in_force_in_every_process_and_its_receipts_say_so(stack, anna):
    before = await anna.in_force()

    published = await anna.publish(before["number"], documents=documents(**MORE), message="two votes")
    told = (await until(lambda: anna.caller.get("/v1/config/receipts"), lambda found: found.json()["complete"])).json()

    assert published.status_code == 201, published.text
    number = published.json()["number"]
    assert number == before["number"] + 1
    assert (told["revision"], told["live"], told["applied"], told["waiting"]) == (number, 3, 3, [])
    assert {(each["role"], each["revision"], each["hash"]) for each in told["processes"] if each["is_live"]} == {
        (role, number, published.json()["hash"]) for role in ("api", "worker", "keeper")
    }
    asked = await stack.ask("person")
    assert asked["revision"] == number
    await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")
    [entry] = (await stack.admin.get(f"/v1/journal?action=configuration.published&subject={number}")).json()["items"]
    assert entry["detail"]["before"] == before["hash"]
    assert entry["detail"]["message"] == "two votes"
    assert entry["actor"].startswith("key_") or entry["actor_name"]


async def test_two_who_publish_at_once_do_not_overwrite_each_other(stack, anna, ben):
    """The later one is told what is in force now."""
    base = (await anna.in_force())["number"]

    answers = await asyncio.gather(
        anna.publish(base, documents=documents(**MORE)),
        ben.publish(base, documents=documents(pools={**configuration()["pools"], "night": {}})),
    )

    assert sorted(answer.status_code for answer in answers) == [201, 412]
    [refused] = [answer.json() for answer in answers if answer.status_code == 412]
    assert refused["type"].endswith("/revision-moved")
    assert f"revision {base + 1} is in force, not {base}" in refused["detail"]
    assert (await anna.caller.post("/v1/config/revisions", {"documents": documents()})).status_code == 428


async def test_what_has_faults_is_refused_whole_with_each_of_them(stack, anna):
    before = await anna.in_force()
    text = documents()["all.yaml"].replace('"ask": "sure@1"', '"ask": "shure@1"').replace('"experts"', '"exports"', 1)

    refused = await anna.publish(documents={"all.yaml": text})
    checked = (await anna.caller.post("/v1/config/check", {"documents": {"all.yaml": text}})).json()

    errors = refused.json()["errors"]
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (422, "invalid-configuration")
    assert len(errors) > 1
    assert {(error["document"], error["pointer"]) for error in errors} == {("all.yaml", "#/documents/all.yaml")}
    assert all(error["line"] > 0 and error["path"] for error in errors)
    assert "sure@1" in {error["nearest"] for error in errors}
    assert checked["faults"] == errors
    assert (await anna.in_force())["number"] == before["number"]


@pytest.mark.parametrize("body", [{"../../evil.yaml": "types: {}"}, {"a\ud800.yaml": ""}, {"a.yaml": "name: \ud800"}])
@pytest.mark.parametrize("path", ["check", "preview", "drafts", "revisions"])
async def test_documents_that_no_folder_could_hold_are_refused(anna, path, body):
    content = json.dumps({"documents": body}).encode()
    refused = await anna.caller("POST", f"/v1/config/{path}", content=content, If_Match="*")

    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith("#/documents/")


async def test_a_check_says_what_would_differ_and_for_how_many_decisions(stack, anna):
    await stack.ask("model", wait=10)

    found = (await anna.caller.post("/v1/config/check", {"documents": documents(**MORE)})).json()
    same = (await anna.caller.post("/v1/config/check", {"documents": documents()})).json()
    waiting = {"waiting.yaml": "groups: {later: {tags: [new]}}"}
    likely = (await anna.caller.post("/v1/config/check", {"documents": documents() | waiting})).json()

    assert [plan["type"] for plan in found["difference"]["plans"]] == ["person"]
    assert found["difference"]["all_decisions_a_day"] > 0
    assert same["difference"]["in_words"] == ["nothing differs in effect"]
    assert same["remarks"] == []
    assert likely["remarks"] == ["no location is in the group `later` (waiting.yaml:1)"]


async def test_rolled_back_the_same_documents_hold_under_a_new_number(stack, anna):
    first = await anna.in_force()
    await anna.publish(documents=documents(**MORE))

    rolled = (await anna.publish(again=first["number"], message="no good")).json()

    assert (rolled["hash"], rolled["again"]) == (first["hash"], first["number"])
    assert rolled["number"] == first["number"] + 2
    assert (await anna.publish(again=10_000)).status_code == 404


async def test_what_was_tested_elsewhere_is_published_as_that_or_not_at_all(stack, anna):
    whole = documents(**MORE)
    hash_ = (await anna.caller.post("/v1/config/check", {"documents": whole})).json()["hash"]

    other = await anna.publish(documents=documents(), hash=hash_)
    same = await anna.publish(documents=whole, hash=hash_)

    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "#/hash")
    assert same.json()["hash"] == hash_


async def test_where_a_second_person_is_wanted_nobody_publishes_their_own_draft(stack, anna, ben):
    """Nor one that was changed since it was approved."""
    strict = {"organisation": {**configuration()["organisation"], "approvals": 1}}
    await stack.until_run((await stack.publish(**strict)).number)

    direct = await anna.publish(documents=documents())
    draft = await anna.draft(**strict, **MORE)
    alone = [await anna.act(draft, "publish"), await anna.act(draft, "approve")]
    approved = await ben.act(draft, "approve")
    path = f"/v1/config/drafts/{draft}"
    body = {"documents": documents(**strict, pools={**configuration()["pools"], "night": {}}), "message": "again"}
    lost = await anna.caller("PUT", path, body, If_Match='"7"')
    changed = await anna.caller("PUT", path, body, If_Match='"1"')
    unapproved, stale = await anna.act(draft, "publish", 2), await ben.act(draft, "approve", 1)
    await ben.act(draft, "approve", 2)
    published = await anna.act(draft, "publish", 2)
    over = await anna.act(draft, "publish", 2)

    assert direct.status_code == 409
    assert [answer.json()["type"].rpartition("/")[2] for answer in alone] == ["approval-needed", "own-draft"]
    assert len(approved.json()["approved"]) == 1
    assert (lost.status_code, changed.status_code, changed.json()["approved"]) == (412, 200, [])
    assert (unapproved.status_code, stale.status_code) == (409, 412)
    assert published.status_code == 201, published.text
    assert published.json()["approved"] == approved.json()["approved"]
    assert over.status_code == 409


async def test_a_roll_back_does_not_undo_that_a_second_person_is_wanted(stack, anna, ben):
    """What nobody else has looked at goes in force again only where it asks for as many approvals itself."""
    loose = await anna.in_force()
    strict = {"organisation": {**configuration()["organisation"], "approvals": 1}}
    asking = await stack.publish(**strict)
    await stack.until_run(asking.number)
    draft = await anna.draft(**strict, **MORE)
    await ben.act(draft, "approve")
    approved = (await anna.act(draft, "publish")).json()
    await stack.until_run(approved["number"])

    back = await anna.publish(again=loose["number"])
    to_one_that_asks = await anna.publish(again=asking.number)
    to_one_approved = await anna.publish(again=approved["number"])

    assert (back.status_code, back.json()["type"].rpartition("/")[2]) == (409, "approval-needed")
    assert (to_one_that_asks.status_code, to_one_approved.status_code) == (201, 201)
    assert to_one_approved.json()["approved"] == approved["approved"]


async def test_a_draft_made_from_another_revision_than_is_in_force_is_refused(stack, anna, ben):
    draft = await anna.draft(**MORE)
    await stack.until_run(
        (await ben.publish(documents=documents(pools={**configuration()["pools"], "b": {}}))).json()["number"]
    )

    refused = await anna.act(draft, "publish")

    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (412, "revision-moved")
    assert (await anna.caller("DELETE", f"/v1/config/drafts/{draft}")).status_code == 204
    assert (await anna.caller.get(f"/v1/config/drafts/{draft}")).status_code == 404


async def test_at_some_locations_first_it_goes_on_everywhere_when_its_time_has_come(stack, anna):
    staged = (
        await anna.publish(documents=documents(**MORE), only_at={"locations": ["store-001"]}, goes_on_after_seconds=1.5)
    ).json()
    await stack.until_run(staged["number"])
    there, elsewhere = [await stack.ask("person", location=place) for place in ("store-001", "store-002")]
    await stack.until_run(staged["number"] + 1)
    now = await anna.in_force()
    unknown = await anna.publish(documents=documents(), only_at={"groups": ["nowhere"]})

    assert (there["revision"], elsewhere["revision"]) == (staged["number"], staged["rest"])
    assert (now["again"], now["only_at"], now["hash"]) == (staged["number"], None, staged["hash"])
    assert unknown.status_code == 422
    for each in (there, elsewhere):
        await stack.admin.post(f"/v1/decisions/{each['id']}/cancel")


async def test_a_preview_tells_what_would_have_become_of_decisions_and_invents_no_opinion(stack, anna):
    """Whom nobody asked then is counted as unknown."""
    for _ in range(3):
        await stack.ask("model", wait=10)
    stricter = {
        **PLANS,
        "model": {
            "stages": [{"ask": "sure@1", "accept": {"by_hand": "confidence >= 0.995"}}],
            "fallback": {"answer": "refuse"},
        },
    }
    other = {**PLANS, "model": {**PLANS["model"], "stages": [{**PLANS["model"]["stages"][0], "ask": "second@1"}]}}

    async def previewed(plans: dict) -> dict:
        answer = await anna.caller.post("/v1/config/preview", {"documents": documents(plans=plans), "days": 1})
        return answer.json()["types"]["model"]

    same, deferring, asking = [await previewed(plans) for plans in (PLANS, stricter, other)]

    number = same["decisions"]
    assert number >= 3
    assert same["before"]["accepted"] == same["after"]["accepted"] == number
    assert (same["other_answers"], same["cost_micros_before"]) == (0, same["cost_micros_after"])
    assert (deferring["after"]["fallback"], deferring["other_answers"]) == (number, number)
    assert (asking["after"]["unknown"], asking["unknown_asked"]) == (number, {"second@1": number})


async def test_every_effective_value_names_its_document_line_and_revision(stack, anna):
    found = (await anna.caller.get("/v1/config/effective?location=store-001&type=model")).json()
    bound = await stack.key("operator", locations=["store-002"])

    assert found["revision"] == (await anna.in_force())["number"]
    [leaf] = [leaf for leaf in found["leaves"] if leaf["path"].endswith("accept.by_hand")]
    assert (leaf["value"], leaf["file"], leaf["layer"]) == ("confidence >= 0.95", "all.yaml", "organisation")
    assert (await bound.get("/v1/config/effective?location=store-001&type=model")).status_code == 422
    assert (await bound.get("/v1/config/revisions")).status_code == 403


async def test_every_effective_value_names_since_which_revision_it_holds_and_by_whom(stack, anna, ben):
    """Not the last that was published: the one that the value came in with."""
    plans = json.loads(json.dumps(PLANS).replace("confidence >= 0.95", "confidence >= 0.97"))
    first = (await ben.publish(documents=documents(plans=PLANS | TWO_VOTES))).json()
    changed = (await anna.publish(first["number"], documents=documents(plans=plans | TWO_VOTES))).json()
    last = (await ben.publish(changed["number"], documents=documents(plans=plans))).json()
    await stack.until_run(last["number"])

    found = (await ben.caller.get("/v1/config/effective?location=store-001&type=model")).json()

    since = {leaf["path"]: (leaf["revision"], leaf["author"]) for leaf in found["leaves"]}
    [threshold] = [path for path in since if path.endswith("accept.by_hand")]
    assert found["revision"] == last["number"]
    assert since[threshold] == (changed["number"], changed["author"])
    assert set(since.values()) == {(each["number"], each["author"]) for each in (first, changed)}


async def test_a_draft_from_before_names_were_checked_is_checked_again(stack, anna):
    """It may be older than the release that refuses such names."""
    draft = await anna.draft()
    connection = await asyncpg.connect(stack.database_url)
    renamed = "UPDATE draft SET documents = jsonb_build_object('../all.yaml', documents -> 'all.yaml') WHERE id = $1"
    await connection.execute(renamed, UUID(draft))
    await connection.close()

    refused = await anna.act(draft, "publish")

    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == "#/documents/..~1all.yaml"
