"""The page of the API stands by itself: whoever opens it asks no other host for anything."""

import re

import pytest

PARTS = re.compile(r"""(?:src|href)=["']([^"']+)["']""")


async def test_the_page_and_all_its_parts_come_from_here(stack):
    client = stack.admin._client
    page = await client.get("/docs")
    parts = PARTS.findall(page.text)

    assert page.status_code == 200
    assert len(parts) == 3
    assert not [part for part in parts if "//" in part]
    assert "'openapi.json'" in page.text
    for part in (*parts, "openapi.json"):
        answer = await client.get(f"/{part}")
        assert (answer.status_code, len(answer.content) > 500) == (200, True), part


async def test_the_browser_is_told_to_load_nothing_else(stack):
    policy = (await stack.admin._client.get("/docs")).headers["content-security-policy"]

    assert "default-src 'self'" in policy
    assert "http" not in policy


async def test_the_bare_address_leads_to_the_page(stack):
    answer = await stack.admin._client.get("/")

    assert (answer.status_code, answer.headers["location"]) == (307, "docs")


async def test_each_call_has_a_line_that_says_what_it_does(stack):
    document = (await stack.admin._client.get("/openapi.json")).json()
    calls = {(method, path): call for path, calls in document["paths"].items() for method, call in calls.items()}

    assert calls["post", "/v1/decisions"]["summary"] == "Ask a question"
    assert all(call["description"].startswith(call["summary"]) for call in calls.values())
    keyless = [path for (_, path), call in calls.items() if call.get("security") == []]
    assert keyless == ["/livez", "/readyz", "/metrics"]


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect", "/docs/__init__.py", "/docs/../main.py"])
async def test_there_is_nothing_else(stack, path):
    assert (await stack.admin._client.get(path)).status_code == 404
