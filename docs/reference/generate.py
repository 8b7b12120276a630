"""Writes what of the reference follows from the code: `make reference`. A test holds the pages to it.

Whole pages: settings, every command with its options, every request with its parameters. In pages that are otherwise
written by hand: the tables of metrics and events.
"""

import ast
import contextlib
import inspect
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import prometheus_client

from adjudge.api.application import create_app
from adjudge.cli.environment import OF_COMMANDS
from adjudge.cli.root import COMMANDS, run
from adjudge.cli.settings import Settings
from adjudge.config import document_schema
from adjudge.config.keys import LAYERS, SECTIONS
from adjudge.config.schemas import UNITS
from adjudge.telemetry import names
from adjudge.telemetry.events import EVENTS

FOLDER: Final = Path(__file__).parent
WRITTEN: Final = "<!-- Written by `make reference`. Do not edit. -->"
OF_PACKS: Final = {"demo"}
"""What an installed pack brings."""
METHODS: Final = ("get", "post", "put", "patch", "delete")


def pages() -> Mapping[str, str]:
    """Return the text of each page that follows from the code, whole or in part."""
    return {
        "settings.md": settings(),
        "configuration-keys.md": configuration_keys(),
        "configuration.schema.json": json.dumps(document_schema(), indent=1, ensure_ascii=False) + "\n",
        "commands-in-full.md": commands(),
        "http-api-in-full.md": requests(),
        "metrics.md": in_page("metrics.md", table(("metric", "labels", "what"), metrics())),
        "events.md": in_page("events.md", table(("event", "level", "says"), events())),
    }


def settings() -> str:
    """Return the page of what a process is given."""
    says = descriptions(Settings)
    rows = [
        (f"`{field.encode_name}`", _default(field.default), says[field.name])
        for field in msgspec.structs.fields(Settings)
    ]
    of_commands = [(f"`{name}`", "", says) for name, says in OF_COMMANDS.items()]
    return _page(
        "Settings",
        "What a process is given by its environment. `adjudge settings` shows each value and its source.",
        table(("variable", "default", "what"), rows),
        "## Of commands",
        table(("variable", "default", "what"), of_commands),
    )


def descriptions(kind: type) -> Mapping[str, str]:
    """Return the docstring below each attribute of a class, as one line."""
    [declared] = ast.parse(inspect.getsource(kind)).body
    assert isinstance(declared, ast.ClassDef)
    return {
        attribute.target.id: inspect.cleandoc(said.value.value).replace("\n", " ")
        for attribute, said in pairwise(declared.body)
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
    }


def configuration_keys() -> str:
    """Return the page of every key of the configuration."""
    parts: list[str] = []
    for name, keys in SECTIONS.items():
        rows = [(f"`{key.name}`", key.kind, UNITS.get(key.kind, ""), key.default, key.says) for key in keys]
        parts += [f"## {name}", f"Layers: {LAYERS[name]}.", table(("key", "type", "unit", "default", "says"), rows)]
    return _page(
        "Configuration, every key",
        "By need, with examples: [Configuration](configuration.md). For editors: `adjudge config schema`, or "
        "[configuration.schema.json](configuration.schema.json).",
        *parts,
    )


def commands() -> str:
    """Return the page of all commands as `--help` shows them."""
    parts: list[str] = []
    for name in sorted(COMMANDS.keys() - OF_PACKS):
        inner = getattr(COMMANDS[name].load(name), "commands", {})
        for words in [(name, one) for one in inner] or [(name,)]:
            parts += [f"## adjudge {' '.join(words)}", f"```text\n{_help(*words)}\n```"]
    return _page("Commands in full", "By need, and in a line each: [Commands](commands.md).", *parts)


def requests() -> str:
    """Return the page of all requests of the API."""
    document = _openapi()
    parts: list[str] = []
    for path, item in sorted(document["paths"].items()):
        for method in (method for method in METHODS if method in item):
            parts += [f"## {method.upper()} {path}", *_request(item[method])]
    return _page(
        "HTTP API in full",
        "By need, with examples: [HTTP API](http-api.md). The schemas named here are in `/openapi.json`.",
        *parts,
    )


def metrics() -> Iterator[Sequence[str]]:
    """List all metrics, by name."""
    kinds = (prometheus_client.Counter, prometheus_client.Gauge, prometheus_client.Histogram)
    found = [metric for metric in vars(names).values() if isinstance(metric, kinds)]
    rows = {
        described.name + ("_total" if described.type == "counter" else ""): (metric, described.documentation)
        for metric in found
        for described in metric.describe()
    }
    for name, (metric, documentation) in sorted(rows.items()):
        yield f"`{name}`", ", ".join(f"`{label}`" for label in metric._labelnames), documentation


def events() -> Iterator[Sequence[str]]:
    """List all log events, by name."""
    return ((f"`{name}`", event.level, event.says) for name, event in sorted(EVENTS.items()))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [titles, ["---"] * len(titles), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line).replace("|  |", "| |") + " |" for line in lines)


def in_page(name: str, fresh: str) -> str:
    """Return a page with its table replaced by one with the same titles."""
    text, titles = (FOLDER / name).read_text(encoding="utf-8"), fresh.splitlines()[0]
    old = re.search(rf"^{re.escape(titles)}\n(?:\|.*\n)*", text, re.MULTILINE)
    assert old, f"{name} has no table {titles}"
    return f"{text[: old.start()]}{fresh}\n{text[old.end() :]}"


def _page(title: str, promise: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", WRITTEN, promise, *parts]) + "\n"


def _default(value: object) -> str:
    return "" if value is None or value == "" else f"`{value}`"


def _help(*words: str) -> str:
    """Return what `--help` prints, at the width of a page."""
    said, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        with contextlib.redirect_stdout(said):
            run([*words, "--help"])
    finally:
        os.environ.pop("COLUMNS") if columns is None else os.environ.update(COLUMNS=columns)
    return "\n".join(line.rstrip() for line in said.getvalue().strip().splitlines())


def _openapi() -> dict[str, Any]:
    app: Any = create_app(_no_services)._app
    document: dict[str, Any] = app.openapi()
    return document


def _no_services() -> Any:
    raise AssertionError("only described, never started")


def _request(operation: Mapping[str, Any]) -> Iterator[str]:
    yield operation.get("description") or operation["summary"]
    if body := operation.get("requestBody"):
        yield f"Body: {', '.join(_kind(content.get('schema', {})) for content in body['content'].values())}."
    if parameters := operation.get("parameters"):
        rows = [(f"`{one['name']}`", one["in"], _kind(one["schema"]), _said(one)) for one in parameters]
        yield table(("parameter", "in", "type", "what"), rows)
    statuses = sorted(operation["responses"])
    good, bad = [one for one in statuses if one < "4"], [one for one in statuses if one >= "4"]
    refused = f"; [problems](problems.md) with {', '.join(bad)}" if bad else ""
    yield f"Answers with {', '.join(good)}{refused}."


def _said(parameter: Mapping[str, Any]) -> str:
    said = str(parameter.get("description") or parameter["schema"].get("description") or "").replace("\n", " ")
    return " ".join(filter(None, ["needed;" if parameter.get("required") else "", said])).removesuffix(";")


def _kind(schema: Mapping[str, Any]) -> str:
    """Name a schema: by its own name, by what it may be one of, or by its type."""
    for key, joined in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if key in schema:
            return joined.join(dict.fromkeys(_kind(one) for one in schema[key]))
    shapes: Sequence[tuple[str, Callable[[Any], str]]] = (
        ("$ref", lambda ref: f"`{ref.rpartition('/')[2]}`"),
        ("const", lambda value: f"`{value}`"),
        ("enum", lambda values: ", ".join(f"`{value}`" for value in values)),
        ("items", lambda items: f"list of {_kind(items)}"),
    )
    for key, shown in shapes:
        if key in schema:
            return shown(schema[key])
    return str(schema.get("format") or schema.get("type") or "any JSON")


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
