"""The sections `deciders` and `pools`: who can be asked. They are the same at every location."""

import re
from datetime import timedelta
from typing import Final

from adjudge.config.cursors import Cursor, Fields, Misread
from adjudge.config.nodes import Node
from adjudge.config.readers import (
    check_name,
    choice,
    duration,
    flag,
    is_name,
    mapping,
    money,
    number,
    share,
    text,
    whole,
)
from adjudge.core.plans import DEFAULT_ACCURACY
from adjudge.core.specifications import DeciderSpec, PoolSpec

_FUNCTION: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def read_decider(name: str, at: Cursor) -> DeciderSpec:
    """Read one decider, named `name@version`."""
    model, _, version = name.partition("@")
    if not is_name(model) or not is_name(version):
        at.fault(f"`{name}` is not a decider's name with its version, such as `vision-sku@2`")
    with at.fields() as fields:
        python = fields.need("python", 'python: "module:function"')
        cost, currency = fields.read("cost", money(), (0, "USD"))
        failures, pause = _breaker(fields)
        return DeciderSpec(
            name=model,
            version=version,
            python=python.read(_function, "") if python is not None else "",
            timeout=fields.read("timeout", duration, timedelta(seconds=10)),
            retries=fields.read("retries", whole(0, 10), 0),
            cost_micros=cost,
            currency=currency,
            batch=fields.read("batch", whole(1, 10_000), 200),
            concurrency=fields.read("concurrency", whole(1, 1_000), 2),
            isolate=fields.read("isolate", choice("none", "process"), "none"),
            breaker_failures=failures,
            breaker_seconds=pause.total_seconds(),
            settings=fields.read("settings", mapping, {}),
        )


def read_pool(name: str, at: Cursor) -> PoolSpec:
    """Read one pool of people."""
    check_name(at, name, "a pool")
    with at.fields() as fields:
        wage, currency = fields.read("wage", money("/h"), (0, "USD"))
        return PoolSpec(
            name=name,
            wage_micros_per_hour=wage,
            currency=currency,
            utilisation=fields.read("utilisation", share, 1.0),
            accuracy=fields.read("accuracy", _accuracy, DEFAULT_ACCURACY),
            lease=fields.read("lease", duration, timedelta(minutes=2)),
            paused=fields.read("paused", flag, False),
        )


def _breaker(fields: Fields) -> tuple[int, timedelta]:
    at = fields.get("breaker")
    if at is None:
        return 5, timedelta(seconds=10)
    with at.fields() as inner:
        return inner.read("failures", whole(1, 1_000), 5), inner.read("for", duration, timedelta(seconds=10))


def _function(node: Node) -> str:
    found = text(node)
    if not _FUNCTION.fullmatch(found):
        raise Misread(f"`{found[:80]}` is not a function, such as `module:function`")
    return found


def _accuracy(node: Node) -> float:
    return number(0, 1, "a probability between 0 and 1, both excluded")(node)
