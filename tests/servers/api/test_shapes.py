"""What is answered has the shape that the OpenAPI document says, no more and no less."""

import pytest
from pydantic import BaseModel

from adjudge.api.routes import administration, deciders, keys, operations, overview
from adjudge.api.shapes import configuration as configuration_shapes
from adjudge.api.shapes import decisions as decision_shapes
from adjudge.api.shapes import reviews as review_shapes
from adjudge.api.shapes import webhooks as webhook_shapes


def fits(shape: type[BaseModel], answer) -> None:
    assert answer.status_code < 300, answer.text
    shape.model_validate_json(answer.content, strict=True)


async def test_decisions_and_their_paths(stack):
    """Open, settled by a model, by a person, with a stake, by the fallback, and cancelled."""
    client = await stack.key("client")
    asked = [(await stack.ask(kind, wait=2))["id"] for kind in ("model", "person", "failing", "claims")]
    await (await stack.reviewer("anna")).vote("pay")
    await stack.admin.post(f"/v1/decisions/{asked[3]}/cancel", {"reason": "left"})

    for decision in asked:
        fits(decision_shapes.Decision, await client.get(f"/v1/decisions/{decision}"))
        fits(decision_shapes.PathView, await client.get(f"/v1/decisions/{decision}/path"))
        fits(decision_shapes.PathView, await stack.admin.get(f"/v1/decisions/{decision}/path"))
    fits(decision_shapes.Page, await client.get("/v1/decisions?limit=10"))
    fits(
        decision_shapes.Labelled,
        await client.post(f"/v1/decisions/{asked[0]}/truth", {"answer": "pay", "source": "appeal"}),
    )
    keyed = {"type": "model", "evidence": {"amount": "1"}, "idempotency_key": "twice"}
    bulk = {"items": [keyed, keyed, {"type": "nope", "evidence": {}}]}
    fits(decision_shapes.BulkResults, await client.post("/v1/decisions/bulk", bulk))


async def test_answers_to_reviewers_have_their_shapes(stack):
    anna = await stack.reviewer("anna")
    media = [
        {"name": "shelf", "uri": "https://example.com/a.jpg", "type": "image/jpeg"},
        {"name": "gone", "uri": "x:y"},
    ]
    stake = {"amount": "2.49", "currency": "USD"}
    for kind, more in (("person", {"evidence": {"media": media}, "stake": stake}), ("count", {}), ("form", {})):
        asked = await stack.admin.post("/v1/decisions", {"type": kind, "evidence": {}, **more})
        assert asked.status_code == 202, asked.text

    claimed = await anna.post("/v1/reviews/claim", {"count": 3}, Prefer="wait=5")
    fits(review_shapes.ClaimView, claimed)
    assert claimed.headers["preference-applied"] == "wait=5"
    first, second, third = (task["id"] for task in claimed.json()["tasks"])
    fits(review_shapes.ClaimView, await anna.post("/v1/reviews/claim"))
    fits(review_shapes.LeaseView, await anna.post(f"/v1/reviews/{first}/heartbeat"))
    fits(review_shapes.ReleaseView, await anna.post(f"/v1/reviews/{first}/release"))
    fits(review_shapes.DeclineView, await anna.post(f"/v1/reviews/{second}/decline", {}))
    fits(review_shapes.Queues, await anna.get("/v1/reviews/queues"))
    fits(administration.Reviewers, await stack.admin.get("/v1/reviewers"))
    fits(administration.NewReviewer, await stack.admin.post("/v1/reviewers", {"name": "shaped", "pools": ["agents"]}))
    fits(administration.ReviewerView, await stack.admin("PUT", "/v1/reviewers/shaped", {"pools": ["experts"]}))
    answers = {"person": "pay", "count": 3, "form": {"ok": True}}
    kind = next(task["type"] for task in claimed.json()["tasks"] if task["id"] == third)
    fits(review_shapes.Recorded, await anna.post(f"/v1/reviews/{third}/answer", {"answer": answers[kind]}))


async def test_answers_to_operators_have_their_shapes(stack):
    await stack.ask("model", wait=5)

    for path, shape in (
        ("config", administration.ConfigView),
        ("deciders", deciders.Deciders),
        ("overview", overview.OverviewView),
        ("keys", keys.Keys),
        ("webhooks", webhook_shapes.Endpoints),
    ):
        fits(shape, await stack.admin.get(f"/v1/{path}"))
    fits(operations.Readiness, await stack.admin.get("/readyz"))
    switch = {"on": False, "reason": "a test"}
    fits(deciders.Switched, await stack.admin.post("/v1/deciders/failing@1/switch", switch))
    fits(deciders.Switched, await stack.admin.post("/v1/deciders/failing@1/switch", {**switch, "on": True}))


async def test_answers_about_configuration_and_switches_have_their_shapes(stack):
    await stack.ask("model", wait=5)
    newest = await stack.admin.get("/v1/config/revisions/newest")
    documents = newest.json()["documents"]
    faulty = {**documents, "more.yaml": "plans: 1"}
    quieter = {name: text.replace("0.95", "0.96") for name, text in documents.items()}
    draft = await stack.admin.post("/v1/config/drafts", {"documents": quieter, "message": "stricter"})
    at = f"/v1/config/drafts/{draft.json()['id']}"

    fits(configuration_shapes.RevisionWithDocuments, newest)
    fits(configuration_shapes.RevisionPage, await stack.admin.get("/v1/config/revisions"))
    fits(configuration_shapes.Checked, await stack.admin.post("/v1/config/check", {"documents": faulty}))
    fits(configuration_shapes.Checked, await stack.admin.post("/v1/config/check", {"documents": quieter}))
    fits(configuration_shapes.Preview, await stack.admin.post("/v1/config/preview", {"documents": quieter, "days": 1}))
    fits(configuration_shapes.Receipts, await stack.admin.get("/v1/config/receipts"))
    fits(configuration_shapes.Effective, await stack.admin.get("/v1/config/effective?location=default&type=claims"))
    fits(configuration_shapes.DraftView, draft)
    fits(configuration_shapes.Drafts, await stack.admin.get("/v1/config/drafts"))
    fits(configuration_shapes.DraftWithDocuments, await stack.admin.get(at))
    fits(configuration_shapes.Preview, await stack.admin.get(f"{at}/preview?days=1"))
    fits(configuration_shapes.DraftView, await stack.admin("PUT", at, {"documents": documents}, If_Match='"1"'))
    fits(configuration_shapes.RevisionView, await stack.admin.post(f"{at}/publish", {}, If_Match='"2"'))
    off = {"kind": "type", "name": "slow", "at": "store-001", "on": False, "reason": "a test"}
    fits(configuration_shapes.SwitchView, await stack.admin.post("/v1/controls", off))
    fits(configuration_shapes.Switches, await stack.admin.get("/v1/controls"))
    fits(configuration_shapes.SwitchView, await stack.admin.post("/v1/controls", {**off, "on": True}))


async def test_answers_about_keys_and_webhooks_have_their_shapes(stack):
    made = await stack.admin.post("/v1/keys", {"name": "till", "role": "client", "locations": ["store-001"]})
    fits(keys.NewKey, made)
    key = made.json()["id"]
    fits(keys.NewKey, await stack.admin.post(f"/v1/keys/{key}/rotate"))
    fits(keys.KeyView, await stack.admin("PUT", f"/v1/keys/{key}/limits", {"open_decisions": 5}))

    added = await stack.admin.post("/v1/webhooks", {"url": "https://example.com/hook"})
    fits(webhook_shapes.NewEndpoint, added)
    webhook = added.json()["id"]
    fits(webhook_shapes.NewSecret, await stack.admin.post(f"/v1/webhooks/{webhook}/rotate", {}))
    fits(webhook_shapes.Redelivered, await stack.admin.post(f"/v1/webhooks/{webhook}/redeliver", {}))
    fits(webhook_shapes.Deliveries, await stack.admin.get(f"/v1/webhooks/{webhook}/deliveries"))


@pytest.mark.parametrize("path", ["decisions?statuss=open", "outcomes?afte=x", "journal?actors=up", "keys?limit=3"])
async def test_a_parameter_that_is_unknown_is_refused(stack, path):
    """A filter with a slip of the pen would list everything, and a feed begin anew."""
    answer = await stack.admin.get(f"/v1/{path}")

    named = path.partition("?")[2].partition("=")[0]
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"#/{named} (query)"]


@pytest.mark.parametrize("path", ["decisions", "decisions/bulk"])
async def test_posts_of_questions_refuse_parameters_too(stack, path):
    """`?wait=5` instead of `Prefer: wait=5` would not wait, without a word."""
    answer = await stack.admin.post(f"/v1/{path}?wait=5", {})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/wait (query)"


async def test_a_parameter_that_is_given_twice_is_refused(stack):
    """Whoever names two types wants both, and would be shown one."""
    answer = await stack.admin.get("/v1/decisions?type=model&limit=5&type=people")

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "#/type (query)", "detail": "is given more than once"}]


@pytest.mark.parametrize("probe", ["/livez", "/readyz", "/metrics"])
async def test_load_balancers_may_ask_for_the_head_alone(stack, probe):
    answer = await stack.client.head(probe)

    assert (answer.status_code, answer.content) == (200, b"")


async def test_ready_is_not_called_degraded(stack):
    checks = (await stack.admin.get("/readyz")).json()["checks"]

    assert checks["valkey"] == {"ok": True, "degraded": False}
