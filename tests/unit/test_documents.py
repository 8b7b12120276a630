"""The reference says what the code does: names in one are names in the other."""

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import get_args

import prometheus_client
import pytest

import adjudge
from adjudge.api.application import create_app
from adjudge.api.problems import STATUS
from adjudge.api.services import Services
from adjudge.cli.root import COMMANDS
from adjudge.config import compile_documents
from adjudge.core.errors import AdjudgeError
from adjudge.store.journal import Action
from adjudge.telemetry import names

DOCS = Path(__file__).parents[2] / "docs"
NOT_IMPORTED = {"__main__", "env", "templates", "versions"}


def test_metrics_has_every_metric_with_its_labels_and_no_other():
    listed = dict(re.findall(r"^\| `(adjudge_\w+)` \| (.*?) \|", text_of("reference/metrics.md"), re.MULTILINE))

    assert {name: re.findall(r"`(\w+)`", labels) for name, labels in listed.items()} == metrics()


def test_problems_has_every_kind_with_its_status_and_no_other():
    rows = re.findall(r"^\| (`[a-z-]+`.*?) \| (\d{3}) \|", text_of("reference/problems.md"), re.MULTILINE)

    assert {kind: int(status) for listed, status in rows for kind in re.findall(r"`([a-z-]+)`", listed)} == STATUS


def test_problems_has_every_kind_of_error():
    listed = set(re.findall(r"`([a-z-]+)`", text_of("reference/problems.md")))

    assert kinds() - listed == set()


def test_commands_has_every_command_and_no_other():
    listed = set(re.findall(r"`adjudge ([a-z]+(?: [a-z]+)?)[ `]", text_of("reference/commands.md")))

    assert listed == commands()


def test_http_api_has_every_request_and_no_other():
    listed = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /\S+?)`", text_of("reference/http-api.md")))

    assert listed == requests()


def test_the_configuration_on_the_reference_page_is_valid():
    example = next(blocks("reference/configuration.md", "yaml"))

    configuration = compile_documents({"claims.yaml": example}, base=DOCS)

    assert configuration.plan("default", "claim.pay").name == "claims"


@pytest.mark.parametrize("page", sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md")), ids=str)
def test_json_on_a_page_is_json(page):
    for block in blocks(page, "json"):
        json.loads(block)


@pytest.mark.parametrize("page", sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md")), ids=str)
def test_python_on_a_page_compiles(page):
    for block in blocks(page, "python"):
        compile(block, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_every_page_is_found_from_the_list_of_all_pages():
    """Records and runbooks by lists of their own."""
    found, looked_at = {DOCS / "README.md"}, set()
    while page := next(iter(found - looked_at), None):
        looked_at.add(page)
        links = re.findall(r"\]\(([^)#:]+)", page.read_text()) if page.suffix == ".md" else []
        found |= {(page.parent / link).resolve() for link in links}

    assert {path for path in DOCS.rglob("*") if path.suffix in (".md", ".yaml", ".json")} - found == set()


def metrics() -> dict[str, list[str]]:
    kinds_of_metric = (prometheus_client.Counter, prometheus_client.Gauge, prometheus_client.Histogram)
    found = [value for value in vars(names).values() if isinstance(value, kinds_of_metric)]
    return {
        described.name + total(described.type): labels_of(metric) for metric in found for described in metric.describe()
    }


def total(kind: str) -> str:
    return "_total" if kind == "counter" else ""


def labels_of(metric: object) -> list[str]:
    return list(metric._labelnames)


def requests() -> set[str]:
    app = create_app(no_services)._app
    return {f"{method.upper()} {path}" for path, item in app.openapi()["paths"].items() for method in item}


def no_services() -> AbstractAsyncContextManager[Services]:
    raise AssertionError("only described, never started")


def commands() -> set[str]:
    loaded = {name: entry.load(name) for name, entry in COMMANDS.items()}
    return {
        full
        for name, command in loaded.items()
        for full in ([f"{name} {inner}" for inner in getattr(command, "commands", ())] or [name])
    }


def kinds() -> set[str]:
    for module in every_module():
        importlib.import_module(module)
    return {error.kind for error in descendants(AdjudgeError)} | {AdjudgeError.kind}


def every_module() -> Iterator[str]:
    for found in pkgutil.walk_packages(adjudge.__path__, "adjudge."):
        if not NOT_IMPORTED & set(found.name.split(".")):
            yield found.name


def descendants(error: type[AdjudgeError]) -> Iterator[type[AdjudgeError]]:
    for child in error.__subclasses__():
        yield child
        yield from descendants(child)


def blocks(page: Path | str, language: str) -> Iterator[str]:
    for found in re.finditer(rf"^```{language}\n(.*?)^```", text_of(page), re.DOTALL | re.MULTILINE):
        yield found[1]


def text_of(page: Path | str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def test_every_action_of_the_journal_is_listed():
    listed = set(re.findall(r"`([a-z]+\.[a-z]+)`", text_of("how-to/keys-and-limits.md")))

    assert set(get_args(Action)) <= listed
