"""Against people in service: earned on paired audits, watched on them, taken away by them."""

import json
from typing import Any

from tests.servers.audits.auditing import closed, staffed
from tests.servers.audits.evidence import certified, record
from tests.servers.audits.test_certificates import automated, in_force, known_everywhere, none_in_force

from adjudge.engine.certificates.records import verify
from adjudge.store.automation import certificates

APART = {"pool": "agents", "votes": 0, "people": 3, "expert": "experts", "expert_share": 1}


def against_people(rate: float) -> dict[str, Any]:
    documents = certified(rate=rate, **APART)
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"people": {"votes": 3}}}
    return documents


async def test_a_plan_is_automated_once_it_is_shown_to_be_no_worse_than_people_and_no_longer_when_it_is(build_stack):
    """The whole of it: certificate, outcome, record, sentence, watch."""
    stack = await build_stack("api", "worker", "keeper", documents=against_people(rate=0))
    await record(stack, 600, wrong=range(0, 600, 60))  # of before: nothing was set apart, nothing is compared
    await record(stack, 1_200, wrong=range(0, 1_200, 60), people=range(0, 1_200, 7))

    certificate = await in_force(stack)
    decided = await automated(stack)

    promise = "the whole plan no worse than a majority of 3 people"
    assert decided["outcome"]["certificate"] == certificate
    assert decided["outcome"]["reason"].endswith(f"(certificate {certificate}: {promise})")
    async with stack.db.acquire() as connection:
        found = await certificates.get(connection, certificate)
    body = json.loads(found.body)
    verified = verify(certificate, body)
    assert (verified.hash_holds, verified.licence_holds, verified.audits) == (True, True, 1_200)
    assert body["only_people_wrong"] > body["only_model_wrong"]
    [slice_] = (await stack.admin.get("/v1/automation")).json()["slices"]
    assert (slice_["promise"], slice_["people"]) == (promise, {"votes": 3, "margin": 0, "over": "plan"})
    assert [each["worse_by"] for each in slice_["standing"]["watch"]["detects"]] == [0.01, 0.02, 0.05]
    said = (await stack.admin.get("/v1/automation/why?location=default&type=model")).json()["why"]
    assert f"under {certificate} ({promise} with 90% confidence)" in said
    assert "only the plan was wrong in" in said

    await record(stack, 60, wrong=range(60), people=[])
    await none_in_force(stack)

    await known_everywhere(stack, None)
    [alarm] = await stack.rows("SELECT detail FROM alarm")
    assert "audited decisions only the model or plan was wrong in" in alarm["detail"]
    assert f"it was to be {promise}" in alarm["detail"]


async def test_votes_are_set_apart_beforehand_and_an_expert_says_what_is_true(build_stack):
    """What is compared later is on record when the audit closes: the votes, how many they were, the plan's answer."""
    stack = await build_stack("api", "worker", "keeper", documents=against_people(rate=1))
    people = await staffed(stack, "agents", count=4)
    expert = await stack.reviewer("expert", "experts")
    asked = await stack.ask()
    [task] = await people[0].claim(wait=10)
    await people[0].answer(task, "pay")

    for person in people[1:]:
        [task] = await person.claim(wait=10)
        await person.answer(task, "refuse")
    [task] = await expert.claim(wait=10)
    await expert.answer(task, "pay")

    found = await closed(stack, asked["id"])
    assert (found["truth"], found["truth_by"], found["people"], found["answered"]) == ("pay", "expert", 3, "pay")
    votes = [(vote["purpose"], vote["answer"]) for vote in json.loads(found["votes"])]
    assert votes == [("people", "refuse")] * 3 + [("truth", "pay")]
    life = (await stack.admin.get(f"/v1/automation/audits/{asked['id']}")).json()
    assert (life["people"], life["answered"]) == (3, "pay")
