"""Any request that fits the OpenAPI document, and any that nearly does, is answered as it says, never by a fault."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from tests.configured import laid
from tests.documented import document
from tests.ports import free_port
from tests.stacks import NUMBERS, Stack, database

from adjudge.api import hot
from adjudge.api.problems import MEDIA_TYPE

EXAMPLES = 25
"""Of each operation, half of them meant to fit: some twenty seconds in all."""
SHORT_WAIT = "wait=1"
"""Instead of the document's example, which is waited for in vain half a dozen times."""
UNLISTED = (405, 415, 431)
"""Refused before it is known which operation was meant."""
DOCUMENT = schemathesis.openapi.from_dict(document())
OPERATIONS = {found.ok().label: found.ok() for found in DOCUMENT.get_all_operations()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An API process, and what exists there."""

    url: str
    session: requests.Session
    keys: dict[str, str]
    known: dict[str, str]
    """Ids that exist, by the name that paths have for them."""


@pytest.fixture(scope="module")
async def served(
    servers: Any, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    port = free_port()
    async with database(servers.database_url, migrated_template, f"stack_{next(NUMBERS)}") as database_url:
        stack = Stack(laid(tmp_path_factory.mktemp("project")), database_url, servers.redis_url)
        try:
            await stack.open()
            await stack.spawn("api", ADJUDGE_PORT=str(port))
            await stack.reach(f"http://127.0.0.1:{port}")
            with requests.Session() as session:
                yield await _furnished(stack, f"http://127.0.0.1:{port}", session)
        finally:
            await stack.close()


async def _furnished(stack: Stack, url: str, session: requests.Session) -> Served:
    person = await stack.reviewer("anna")
    decision = await stack.ask("person")
    [task] = await person.claim()
    key = (await stack.admin.post("/v1/keys", {"name": "till", "role": "client"})).json()
    known = {"decision": decision["id"], "task": task["id"], "key": key["id"], "decider": "sure@1"}
    return Served(url=url, session=session, keys={"admin": stack.admin.key, "reviewer": person.key}, known=known)


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_request_meets_a_fault_of_ours(served, label):
    operation = OPERATIONS[label]
    cases = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of(cases), of_something=st.booleans())
    def any_request(case: schemathesis.Case, of_something: bool) -> None:
        if of_something:
            case.path_parameters |= {name: served.known[name] for name in case.path_parameters if name in served.known}
        for name in [name for name, value in case.headers.items() if waits(name, value)]:
            case.headers[name] = SHORT_WAIT
        role = "reviewer" if operation.path.startswith("/v1/reviews/") else "admin"
        answer = case.call(
            base_url=served.url,
            session=served.session,
            headers={"Authorization": f"Bearer {served.keys[role]}"},
            timeout=15,
        )
        assert answer.status_code < 500, case.as_curl_command()
        kind = answer.headers["content-type"][0] if answer.status_code >= 400 else MEDIA_TYPE
        assert kind == MEDIA_TYPE, case.as_curl_command()
        if answer.status_code not in UNLISTED:
            operation.validate_response(answer, case=case)

    any_request()


def waits(name: str, value: Any) -> bool:
    return name.lower() == "prefer" and hot.waiting(str(value).encode("latin-1", "replace"))[0] > 0
