"""`audits`: how decisions are audited, for all types at the top level and for one within the type."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adjudge.config.documents.cursors import Cursor, Fields, declared, described
from adjudge.config.documents.merging import merge
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import choice, duration, number, percentage, stake, whole
from adjudge.core.audits import AuditSpec

DEFAULT_RATE: Final = 0.05
MOST_VOTES: Final = 9
SLICES: Final = ("all", "location", "groups")


@dataclass(frozen=True, slots=True)
class Auditors:
    """What `audits` may name."""

    pools: Mapping[str, object]
    dimensions: Iterable[str]


def audits_of(type_at: Cursor, usual: Cursor | None) -> Cursor | None:
    """Return the audits of a type: its own laid over the usual ones. `audits: null` in a layer takes them away."""
    own = type_at.entry("audits")
    if own is None:
        return usual
    node: Node = own.node if usual is None else merge(usual.node, own.node)
    return Cursor(node, own.path, own.faults)


def read_audits(at: Cursor, known: Auditors) -> AuditSpec | None:
    """Read how decisions are audited. None after a fault."""
    if not isinstance(at.node.value, dict):
        at.fault(f"{described(at.node)} is not such as `{{rate: 5%, pool: agents, votes: 3, expert: experts}}`")
        return None
    with at.fields() as fields:
        usual = AuditSpec(pool=None, rate=DEFAULT_RATE)
        pool, expert = _pool(fields, "pool", known), _pool(fields, "expert", known)
        if pool is None and expert is None and not at.faults.has_below(at.path):
            at.fault("nobody answers the audits: name a `pool`, an `expert`, or both")
        if pool is None and (given := fields.given("votes", "people", "expert_share")):
            at.fault(f"without a `pool` the expert answers every audit: `{given[0]}` says nothing")
        found = AuditSpec(
            pool=pool,
            rate=fields.read("rate", percentage, usual.rate),
            votes=fields.read("votes", whole(0, MOST_VOTES), usual.votes) if pool is not None else 0,
            people=fields.read("people", whole(0, MOST_VOTES), usual.people),
            expert=expert,
            expert_share=fields.read("expert_share", percentage, usual.expert_share),
            budget=_budget(fields),
            slices=fields.read("slices", choice(*SLICES, *known.dimensions), usual.slices),
            per_stake=fields.read("per_stake", stake, None),
            inherit=fields.read("inherit", choice("all", *known.dimensions), usual.inherit),
            patience=fields.read("patience", duration, timedelta(days=2)),
        )
        if pool is not None and not found.votes and not (found.people and found.is_all_experts):
            at.fault("without `votes` the truth is an expert's: name an `expert`, `expert_share: 100%`, and `people`")
        if pool is not None and fields.given("expert_share") and not fields.given("expert"):
            at.entries()["expert_share"].slip("without an `expert` it says nothing: name one, or leave it out")
        if found.per_stake is not None and found.budget is not None:
            at.entries()["per_stake"].fault(
                "nobody knows how many audits a rate that follows the stake will bring: take the `budget` away"
            )
        if found.inherit is not None:
            _check_inherit(at.entries()["inherit"], found)
        return found


def _check_inherit(at: Cursor, spec: AuditSpec) -> None:
    if spec.slices in ("all", spec.inherit):
        at.fault("`slices` are no smaller than whose certificate they would inherit: `slices: location`")


def _pool(fields: Fields, key: str, known: Auditors) -> str | None:
    return fields.read(key, declared(known.pools, "pool"), None)


def _budget(fields: Fields) -> float | None:
    return fields.read("budget", number(0, 1e9, "a number of audits a day, above 0"), None)
