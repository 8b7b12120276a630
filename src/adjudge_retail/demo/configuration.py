"""The configuration of the demo: 12 stores in 3 groups with different plans, as YAML documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from adjudge_retail.demo.cases import LABEL_TYPE, Source
from adjudge_retail.demo.plans import FALLBACK, POOL, Draft, written
from adjudge_retail.demo.stores import GROUPS, STORES

PICTURES: Final = "pictures"
"""Scheme of the references to pictures, and the folder beside the configuration."""
COST: Final = "0.0005 USD"
WAGE: Final = "12 USD/h"
UTILISATION: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the configuration is made from."""

    sources: Sequence[Source]
    drafts: Mapping[str, Mapping[str, Draft]]
    """By question type and group."""
    deadline: float
    """Seconds."""


def documents(setting: Setting) -> dict[str, str]:
    """Return each file of the configuration folder."""
    stores: dict[str, Any] = {
        store.name: {"groups": [store.group], "currency": "USD", "attributes": {"format": store.group}}
        for store in STORES
    }
    return {
        "organisation.yaml": _yaml({**_packs(setting), "organisation": _organisation(), "types": _types(setting)}),
        "deciders.yaml": _yaml({"deciders": _deciders(setting.sources), "pools": {POOL: _pool()}}),
        "stores.yaml": _yaml({"locations": stores, "routes": _routes(setting)}),
        **{f"groups/{group}.yaml": _yaml(_group(setting, group)) for group in GROUPS},
    }


def plan_name(group: str, question_type: str) -> str:
    """Return the name of a group's plan: `fresh-identify`."""
    return f"{group}-{question_type.rpartition('.')[2]}"


def _packs(setting: Setting) -> dict[str, Any]:
    """Include the pack where its own question types are asked."""
    return {} if any(source.type == LABEL_TYPE for source in setting.sources) else {"packs": ["retail"]}


def _organisation() -> dict[str, Any]:
    return {"name": "demo", "currency": "USD", "resolvers": {PICTURES: {"folder": PICTURES}}}


def _types(setting: Setting) -> dict[str, Any]:
    """Return what is declared here, or changed of what the pack declares."""
    due = {"deadline": written(setting.deadline)}
    return {source.type: _label_type(source) | due if source.type == LABEL_TYPE else due for source in setting.sources}


def _label_type(source: Source) -> dict[str, Any]:
    labels = list(source.labelled.labels)
    return {
        "title": "Which label fits the item?",
        "answers": labels,
        "evidence": {"type": "object", "required": ["item"], "properties": {"item": {"type": "string"}}},
        "safe_side": labels[0],
    }


def _deciders(sources: Sequence[Source]) -> dict[str, Any]:
    deciders: dict[str, Any] = {}
    for source in sources:
        for decider, path in source.labelled.score_files.items():
            playback = deciders.setdefault(decider, _playback(source.elsewhere))
            playback["settings"]["tables"][source.type] = str(path)
            playback["settings"]["elsewhere"] = max(playback["settings"]["elsewhere"], source.elsewhere)
    return deciders


def _playback(elsewhere: float) -> dict[str, Any]:
    settings = {"tables": {}, "elsewhere": elsewhere}
    return {"python": "adjudge_retail.playback:score", "timeout": "2s", "cost": COST, "settings": settings}


def _pool() -> dict[str, Any]:
    return {"wage": WAGE, "utilisation": UTILISATION, "lease": "2m"}


def _routes(setting: Setting) -> list[dict[str, Any]]:
    return [
        {"type": source.type, "plan": plan_name(group, source.type), "groups": [group]}
        for source in setting.sources
        for group in GROUPS
    ]


def _group(setting: Setting, group: str) -> dict[str, Any]:
    plans = {
        plan_name(group, source.type): {
            "stages": setting.drafts[source.type][group].stages,
            "fallback": FALLBACK,
        }
        for source in setting.sources
    }
    return {"groups": {group: {"dimension": "format"}}, "plans": plans}


def _yaml(document: Mapping[str, Any]) -> str:
    text: str = yaml.dump(dict(document), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return text


class _Plain(yaml.SafeDumper):
    """Writes every value out: configuration has no aliases."""

    def ignore_aliases(self, _: Any) -> bool:
        return True
