"""The page of the API stands by itself: whoever opens it asks no other host for anything."""

import asyncio
import re

import pytest
import uvicorn
from tests import browsers
from tests.waiting import until

from adjudge.api.application import create_app
from adjudge.cli.processes.guarding import Guarded

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


@pytest.mark.skipif(browsers.FOUND is None, reason="this machine has no browser")
async def test_a_browser_that_reaches_nothing_else_shows_each_call(tmp_path):
    app = create_app(lambda: None)
    server = uvicorn.Server(uvicorn.Config(app, http=Guarded, port=0, lifespan="off", log_config=None))
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve())
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        shown = await browsers.dom_of(f"http://127.0.0.1:{port}/docs", tmp_path)
        server.should_exit = True
    assert serving.done()

    document = app._app.openapi()
    told = [*document["paths"].values(), *document["webhooks"].values()]
    calls = [call for calls in told for call in calls.values()]
    assert shown.count('class="opblock-summary-path"') == len(calls)
    assert [call["summary"] for call in calls if call["summary"].replace("&", "&amp;") not in shown] == []
