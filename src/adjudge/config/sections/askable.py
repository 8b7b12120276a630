"""The sections `deciders` and `pools`: who can be asked. Layers may add to them, but not change what is there."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from adjudge.config.documents.cursors import Cursor, Fields, Misread
from adjudge.config.documents.durations import show_duration
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import (
    check_name,
    choice,
    duration,
    flag,
    is_name,
    mapping,
    money,
    number,
    share,
    stake,
    text,
    whole,
)
from adjudge.config.sections.identity import identity_of
from adjudge.config.sections.remote import KINDS, read_remote
from adjudge.config.sections.rules import read_rule
from adjudge.config.sections.secrets import is_reference, refuse_inline, with_references
from adjudge.config.sections.sense import Words
from adjudge.core.plans import DEFAULT_ACCURACY
from adjudge.core.remote import Hedge
from adjudge.core.specifications import DeciderSpec, Isolation, PoolSpec, Sooner

MOST_IN_A_CALL: Final = 10_000
MOST_CALLS: Final = 1_000
USUAL_LEASE: Final = timedelta(minutes=2)
LEAST_LEASE: Final = timedelta(milliseconds=500)
LONGEST_LINGER: Final = timedelta(seconds=1)
REMOTE_BATCH: Final = 32
"""Questions in a request, where several share one and configuration does not say how many."""
REMOTE_CONCURRENCY: Final = 8
DEFAULT_SHARE: Final = 0.1

_FUNCTION: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def read_decider(name: str, at: Cursor, words: Mapping[str, Words], usual: str) -> DeciderSpec:
    """Read one decider, named `name@version`. `words`: of the conditions of a rule; `usual`: the currency of costs."""
    return replace(_decider(name, at, words, usual), identity=identity_of(at.node))


def _decider(name: str, at: Cursor, words: Mapping[str, Words], usual: str) -> DeciderSpec:
    model, _, version = name.partition("@")
    if not is_name(model) or not is_name(version):
        at.fault(f"`{name}` is not a decider's name with its version, such as `vision-sku@2`")
    with at.fields() as fields:
        cost, currency = fields.read("cost", money(), (0, _priced_in(at) or usual))
        failures, pause = _breaker(fields)
        shared = DeciderSpec(
            name=model,
            version=version,
            timeout=fields.read("timeout", duration, timedelta(seconds=10)),
            retries=fields.read("retries", whole(0, 10), 0),
            cost_micros=cost,
            currency=currency,
            linger_ms=_linger(fields),
            breaker_failures=failures,
            breaker_seconds=pause.total_seconds(),
            role=fields.read("role", choice("serving", "shadow"), "serving"),
        )
        kinds = fields.given("python", "rule", *KINDS)
        if len(kinds) > 1:
            at.fault(f"a decider is of one kind, not {' and '.join(f'`{kind}`' for kind in kinds)}")
            fields.ignore_rest()
        elif kinds and kinds[0] in KINDS:
            return _remote(fields, kinds[0], shared)
        elif kinds == ("rule",):
            return _rule(fields, shared, words)
        return _python(fields, shared)


def _priced_in(at: Cursor) -> str | None:
    """Return the currency of a model's `prices`, which a `cost` that is not said has, too. None: it has none."""
    section = at.node.entries.get("openai")
    prices = section.entries.get("prices") if section is not None else None
    for price in prices.entries.values() if prices is not None else ():
        try:
            return money()(price)[1]
        except Misread:  # it is said where prices are read
            continue
    return None


def read_pool(name: str, at: Cursor, rates: Mapping[str, float], usual: str) -> PoolSpec:
    """Read one pool of people. `rates`: of currencies that stakes are compared in; `usual`: the currency of costs."""
    check_name(at, name, "a pool")
    with at.fields() as fields:
        wage, currency = fields.read("wage", money("/h"), (0, usual))
        return PoolSpec(
            name=name,
            wage_micros_per_hour=wage,
            currency=currency,
            utilisation=fields.read("utilisation", share, 1.0),
            accuracy=fields.read("accuracy", _accuracy, DEFAULT_ACCURACY),
            lease=_lease(fields),
            paused=fields.read("paused", flag, False),
            size=fields.read("size", whole(1, 1_000_000), None),
            sooner=_sooner(fields, rates),
        )


def _sooner(fields: Fields, rates: Mapping[str, float]) -> Sooner | None:
    found = fields.get("sooner")
    if found is None:
        return None
    with found.fields() as inner:
        by, at = inner.need("by", "by: 10m"), inner.need("at", "at: 500 USD")
        time = by.read(duration, None) if by is not None else None
        most = at.read(stake, None) if at is not None else None
    if at is not None and most is not None and most.currency not in rates:
        at.fault(f"organisation.rates has no rate for {most.currency}", nearest(most.currency, rates))
    return Sooner(time, most) if time is not None and most is not None else None


def _lease(fields: Fields) -> timedelta:
    at = fields.get("lease")
    found = at.read(duration, USUAL_LEASE) if at is not None else USUAL_LEASE
    if at is not None and found < LEAST_LEASE:
        at.slip(f"nobody answers, or renews, within {at.node.text}: at least {show_duration(LEAST_LEASE)}")
    return found


def _python(fields: Fields, shared: DeciderSpec) -> DeciderSpec:
    function = fields.need("python", 'python: "module:function"')
    return replace(
        shared,
        python=function.read(_function, "") if function is not None else "",
        batch=fields.read("batch", whole(1, MOST_IN_A_CALL), shared.batch),
        concurrency=fields.read("concurrency", whole(1, MOST_CALLS), shared.concurrency),
        isolate=_isolation(fields, shared),
        settings=_settings(fields),
    )


def _settings(fields: Fields) -> dict[str, Any]:
    """Read what a function is given; of secrets only where they are."""
    at = fields.get("settings")
    if at is None:
        return {}
    at.read(mapping, {})
    refuse_inline("", at)
    found = with_references(at) if at.node.entries and not is_reference(at) else {}
    return found if isinstance(found, dict) else {}


def _isolation(fields: Fields, shared: DeciderSpec) -> Isolation:
    """Read `isolate`. A function in shadow may hang or die: never in the process that serves."""
    at = fields.get("isolate")
    if at is None:
        return "process" if shared.is_shadow else "none"
    found: Isolation = at.read(choice("none", "process"), "none")
    if shared.is_shadow and found == "none":
        at.fault("a function in shadow runs in a process of its own, so that it cannot hurt: `process`")
    return found


def _rule(fields: Fields, shared: DeciderSpec, words: Mapping[str, Words]) -> DeciderSpec:
    at = fields.get("rule")
    assert at is not None
    return replace(shared, rule=read_rule(at, words))


def _remote(fields: Fields, kind: str, shared: DeciderSpec) -> DeciderSpec:
    at = fields.get(kind)
    assert at is not None
    model = read_remote(kind, at, shared.currency)
    hedge = fields.get("hedge")
    return replace(
        shared,
        remote=model,
        batch=fields.read("batch", whole(1, MOST_IN_A_CALL), REMOTE_BATCH if model.takes_many else 1),
        concurrency=fields.read("concurrency", whole(1, MOST_CALLS), REMOTE_CONCURRENCY),
        hedge=_hedge(hedge, shared.timeout) if hedge is not None else None,
    )


def _hedge(at: Cursor, timeout: timedelta) -> Hedge | None:
    """Read `200ms`, or `{after: 200ms, share: 0.1}`."""
    after: Cursor | None = at
    most = DEFAULT_SHARE
    if isinstance(at.node.value, dict):
        with at.fields() as fields:
            after, most = fields.need("after", "after: 200ms"), fields.read("share", share, DEFAULT_SHARE)
    if after is None:
        return None
    found = after.read(duration, timedelta(0))
    if found >= timeout:
        after.fault("by then the call is over: a second request is sent before the `timeout`")
    return Hedge(found.total_seconds(), most)


def _linger(fields: Fields) -> int:
    at = fields.get("linger")
    found = at.read(duration, timedelta(0)) if at is not None else timedelta(0)
    if at is not None and found > LONGEST_LINGER:
        at.fault("questions wait at most 1 s for others to share their call")
    return round(found / timedelta(milliseconds=1))


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
