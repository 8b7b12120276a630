"""Evidence that is opened only for whoever holds the task, and only while the lease lasts."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from tests.configured import question

from adjudge.client import Claim

OF_TASK = "SELECT decision_id FROM review_task WHERE id = $1"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture(scope="module")
async def anna(stack):
    """Who is shown things; a folder with a picture, and ways out of it."""
    folder = stack.folder / "config" / "media"
    (folder / "shelf 1.png").write_bytes(PICTURE)
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "way-out").symlink_to(folder.parent)
    return await stack.reviewer("anna")


@pytest.fixture
async def shown(stack, anna):
    """Claim a decision with these references; return its media. It is answered when the test is over."""
    claimed = []

    async def show(*references: dict) -> list[dict]:
        await stack.admin.post("/v1/decisions", question("person", media=list(references)))
        [task] = await anna.claim(wait=5)
        claimed.append(task)
        assert "media" not in task["evidence"]
        return task["media"]

    yield show
    for task in claimed:
        assert (await anna.answer(task, "pay")).status_code == 200


async def test_a_web_address_is_handed_on_byte_for_byte(shown):
    url = "https://cdn.example/a%20b.jpg?sig=%2B/==&x=1#t=3"

    [medium] = await shown({"name": "till", "uri": url, "type": "image/jpeg", "from": 1.5, "to": 3})

    assert medium == {"name": "till", "type": "image/jpeg", "from": 1.5, "to": 3, "url": url}


async def test_a_file_of_the_folder_is_served_under_a_signed_address(stack, shown):
    [medium] = await shown({"name": "shelf", "uri": "folder://shelf%201.png", "type": "image/png"})

    served = await stack.client.get(medium["url"])

    assert (served.status_code, served.content) == (200, PICTURE)
    assert served.headers["content-type"] == "image/png"
    assert "sandbox" in served.headers["content-security-policy"]


@pytest.mark.parametrize("act", ["decline", "release", "answer"])
async def test_a_signed_address_ends_with_its_lease(stack, anna, act):
    """Who has given a task back, or answered it, has no more business with its pictures."""
    ben = await stack.reviewer("ben")
    await stack.admin.post("/v1/decisions", question("person", media=[{"uri": "folder://shelf%201.png"}]))
    [task] = await ben.claim(wait=5)
    [medium] = task["media"]
    before = await stack.client.get(medium["url"])

    body = {"token": task["token"], **({"answer": "pay"} if act == "answer" else {})}
    await ben.post(f"/v1/reviews/{task['id']}/{act}", body)

    assert (before.status_code, (await stack.client.get(medium["url"])).status_code) == (200, 403)
    await stack.admin.post(f"/v1/decisions/{await stack.value(OF_TASK, UUID(task['id']))}/cancel")


async def test_a_signed_address_opens_for_as_long_as_its_lease_is_renewed(stack, monkeypatch):
    """A film is fetched in pieces, and watched for longer than a lease."""
    (stack.folder / "config" / "media" / "till.mp4").write_bytes(PICTURE)
    ben = await stack.reviewer("ben")
    await stack.admin.post("/v1/decisions", question("person", media=[{"uri": "folder://till.mp4"}]))
    [task] = await ben.claim(wait=5)
    [medium] = task["media"]

    monkeypatch.setattr(stack.services.clock, "offset", timedelta(minutes=3))
    later = await stack.client.get(medium["url"], headers={"Range": "bytes=0-3"})
    await ben.post(f"/v1/reviews/{task['id']}/release", {"token": task["token"]})
    given_back = await stack.client.get(medium["url"])

    assert (later.status_code, later.content) == (206, PICTURE[:4])
    assert given_back.status_code == 403
    await stack.admin.post(f"/v1/decisions/{await stack.value(OF_TASK, UUID(task['id']))}/cancel")


@pytest.mark.parametrize("change", ["forged", "cut", "signed by nobody", "not of our letters"])
async def test_an_address_that_was_not_signed_is_refused(stack, shown, change):
    [medium] = await shown({"uri": "folder://shelf%201.png"})
    url = medium["url"]
    body, _, signature = url.rpartition(".")
    other = {
        "forged": f"{body[:-4]}AAAA.{signature}",
        "cut": url[:-1],
        "signed by nobody": body,
        "not of our letters": f"{body}.{'é' * 40}",
    }[change]

    assert (await stack.client.get(other)).status_code == 403


WICKED = [
    "folder://../secret.txt",
    "folder://%2e%2e/secret.txt",
    "folder:///etc/passwd",
    "folder://way-out/secret.txt",
    "folder://shelf%201.png%00.txt",
    "folder://" + "x" * 5000,
    "folder://",
    "https://[::1",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "",
    None,
    7,
]


@pytest.mark.parametrize("uri", WICKED, ids=lambda uri: str(uri)[:30])
async def test_what_does_not_open_is_shown_as_such_and_hinders_no_claim(shown, uri):
    [wicked, good] = await shown({"name": "wicked", "uri": uri}, {"name": "good", "uri": "folder://shelf%201.png"})

    assert wicked["url"] is None
    assert wicked["fault"]
    assert good["url"].startswith("/v1/media/")


@pytest.mark.parametrize("media", ["text", {"uri": "x"}, 3, [3, None, []], [{}]])
async def test_media_that_are_no_list_of_references_hinder_no_claim_and_are_shown_as_evidence(stack, media):
    anna = await stack.reviewer("anna")
    await stack.admin.post("/v1/decisions", question("person", media=media))
    [task] = await anna.claim(wait=5)
    await anna.answer(task, "pay")

    assert all(medium["url"] is None for medium in task["media"])
    assert task["evidence"].get("media") == (None if media == [{}] else media)


async def test_media_that_people_would_not_be_shown_are_refused_at_intake(stack):
    refused = await stack.admin.post("/v1/decisions", question("person", media=[{"uri": "folder://a.png"}] * 17))

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/evidence/media")


async def test_the_client_can_claim_what_does_not_open(stack):
    """Whatever evidence holds: one unreadable task would end a reviewer's work for good."""
    odd = [{"uri": "folder://gone.png"}, {"name": 7, "type": [], "from": "a", "to": True, "uri": None}]
    anna = await stack.reviewer("anna")
    await stack.admin.post("/v1/decisions", question("person", media=odd))
    claimed = await anna.post("/v1/reviews/claim", {}, Prefer="wait=5")
    [task] = claimed.json()["tasks"]
    await anna.answer(task, "pay")

    read = msgspec.json.decode(claimed.content, type=Claim)

    assert [(medium.name, medium.url, bool(medium.fault)) for medium in read.tasks[0].media] == [("", None, True)] * 2
