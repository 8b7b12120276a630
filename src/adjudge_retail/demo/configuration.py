"""The configuration of the demo's own stores, whose groups have different plans, as YAML documents.

No threshold stands in it: what a model may answer alone, audits must show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from adjudge_retail.demo.cases import IDENTIFY_TYPE, LABEL_TYPE, Source
from adjudge_retail.demo.plans import FALLBACK, POOL, Draft, written
from adjudge_retail.demo.stores import Fleet

PICTURES: Final = "pictures"
"""Scheme of the references to pictures, and the folder beside the configuration."""
COST: Final = "0.0005 USD"
WAGE: Final = "12 USD/h"
UTILISATION: Final = 0.7
EXPERTS: Final = "experts"
"""Who audits where the truth is recorded: what they say is true, by assumption."""
AUDITORS: Final = "auditors"
"""Who audits where nobody knows the truth: what three of them say alike, or most of them."""
AUDIT_VOTES: Final = 3
RATE: Final = 0.4
"""Of decisions that are audited once a group has its certificate."""
BUDGET: Final = 1_000_000
"""Audits a day and group while it has none: every decision, at the demo's pace."""
EDGE: Final = "2.0"
"""Release of the stores' edge boxes, which hand pictures to the model."""
BAD_EDGE: Final = "2.1"
"""It hands over the picture of another item."""
DIMENSION: Final = "format"
_ORGANISATION: Final = {"name": "demo", "currency": "USD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the configuration is made from."""

    sources: Sequence[Source]
    fleet: Fleet
    drafts: Mapping[str, Mapping[str, Draft]]
    """By question type and group. None: the plans of the example, as they stand."""
    deadline: float
    """Seconds."""

    @property
    def is_example(self) -> bool:
        """Whether the configuration is the example's, in which thresholds are set by hand."""
        return not self.drafts


def documents(setting: Setting) -> dict[str, str]:
    """Return each file of the configuration folder."""
    stores: dict[str, Any] = {
        store.name: {"groups": [store.group], "currency": "USD", "attributes": {"format": store.group}}
        for store in setting.fleet.stores
    }
    return {
        "organisation.yaml": _yaml({**_packs(setting), "organisation": _ORGANISATION, "types": _types(setting)}),
        "references.yaml": references(),
        "deciders.yaml": _yaml({"deciders": deciders_of(setting.sources), "pools": _pools(setting)}),
        "stores.yaml": _yaml({"locations": stores, "routes": _routes(setting)}),
        **{f"groups/{group}.yaml": _yaml(_group(setting, group)) for group in setting.fleet.groups},
    }


def references() -> str:
    """Return the document that says where pictures are."""
    return _yaml({"organisation": {"resolvers": {PICTURES: {"folder": PICTURES}}}})


def plan_name(group: str, question_type: str) -> str:
    """Return the name of a group's plan: `fresh-identify`."""
    return f"{group}-{question_type.rpartition('.')[2]}"


def _packs(setting: Setting) -> dict[str, Any]:
    """Include the pack where its own question types are asked."""
    return {} if any(source.type == LABEL_TYPE for source in setting.sources) else {"packs": ["retail"]}


def _types(setting: Setting) -> dict[str, Any]:
    """Return what is declared here, or changed of what the pack declares."""
    return {
        source.type: (_label_type(source) if source.type == LABEL_TYPE else {})
        | {"deadline": written(setting.deadline)}
        | _audits(source)
        for source in setting.sources
    }


def audit_pool(source: Source) -> str | None:
    """Return who audits; None where there is no model, and so nothing to be earned."""
    if not source.labelled.scores:
        return None
    return EXPERTS if source.is_known else AUDITORS


def _audits(source: Source) -> dict[str, Any]:
    by: dict[str, Any]
    match audit_pool(source):
        case None:
            return {}
        case "experts":
            by = {"expert": EXPERTS}
        case pool:
            by = {"pool": pool, "votes": AUDIT_VOTES}
    return {"audits": {"rate": RATE, "budget": BUDGET, "slices": DIMENSION, **by}}


def _label_type(source: Source) -> dict[str, Any]:
    labels = list(source.labelled.labels)
    return {
        "title": "Which label fits the item?",
        "answers": labels,
        "evidence": {"type": "object", "required": ["item"], "properties": {"item": {"type": "string"}}},
        "safe_side": labels[0],
    }


def deciders_of(sources: Sequence[Source]) -> dict[str, Any]:
    """Return the models: each plays back its score tables."""
    deciders: dict[str, Any] = {}
    for source in sources:
        for decider, path in source.labelled.score_files.items():
            playback = deciders.setdefault(decider, _playback(source.elsewhere))
            playback["settings"]["tables"][source.type] = str(path)
            playback["settings"]["elsewhere"] = max(playback["settings"]["elsewhere"], source.elsewhere)
    return deciders


def _playback(elsewhere: float) -> dict[str, Any]:
    settings = {"tables": {}, "elsewhere": elsewhere, "mixed_up": BAD_EDGE, "claims": IDENTIFY_TYPE}
    return {"python": "adjudge_retail.playback:score", "timeout": "2s", "cost": COST, "settings": settings}


def _pools(setting: Setting) -> dict[str, Any]:
    audit = {pool for source in setting.sources if (pool := audit_pool(source))}
    return {pool: {"wage": WAGE, "utilisation": UTILISATION, "lease": "2m"} for pool in (POOL, *sorted(audit))}


def _routes(setting: Setting) -> list[dict[str, Any]]:
    return [
        {"type": source.type, "plan": plan_name(group, source.type), "groups": [group]}
        for source in setting.sources
        for group in setting.fleet.groups
    ]


def _group(setting: Setting, group: str) -> dict[str, Any]:
    plans = {
        plan_name(group, source.type): {
            "stages": setting.drafts[source.type][group].stages,
            "fallback": FALLBACK,
        }
        for source in setting.sources
    }
    return {"groups": {group: {"dimension": DIMENSION}}, "plans": plans}


def _yaml(document: Mapping[str, Any]) -> str:
    text: str = yaml.dump(dict(document), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return text


class _Plain(yaml.SafeDumper):
    """Writes every value out: configuration has no aliases."""

    def ignore_aliases(self, _: Any) -> bool:
        return True
