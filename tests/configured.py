"""The configuration of all tests: models whose behaviour the evidence asks for, and a plan for every case."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ACCEPT = {"by_hand": "confidence >= 0.95"}
BRIEF = "700ms"
"""Of a stage of people that nobody answers in time."""
DECIDERS = '''
"""Models whose behaviour the evidence asks for; each question put to one is written down."""

import os
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def _note(decider, questions):
    lines = "".join(f"{decider} {question.id}\\n" for question in questions)
    with open(FOLDER / "asked.log", "a") as file:
        file.write(lines)


def _says(question, confidence):
    said = question.evidence.get("say", "pay")
    other = next((label for label in question.space.labels if label != said), None)
    return {said: confidence, **({other: 1 - confidence} if other else {})}


def sure(questions):
    _note("sure@1", questions)
    return [_says(question, 0.99) for question in questions]


def second(questions):
    _note("second@1", questions)
    return [_says(question, 0.98) for question in questions]


def unsure(questions):
    _note("unsure@1", questions)
    return [_says(question, 0.6) for question in questions]


def slow(questions):
    time.sleep(0.6)
    return [_says(question, 0.99) for question in questions]


def garbage(questions):
    return [{"pay": float("nan"), "nonsense": 7} for _ in questions]


def failing(questions):
    raise RuntimeError("no weights")


def gated(questions):
    """Answer once the gate is open."""
    _note("gated@1", questions)
    (FOLDER / "waiting").touch()
    while not (FOLDER / "gate").exists():
        time.sleep(0.005)
    return [_says(question, 0.99) for question in questions]


def paced(questions):
    """A capacity of some 200 a second."""
    time.sleep(0.005 * len(questions))
    return [_says(question, 0.99) for question in questions]


def deadly(questions):
    _note("deadly@1", questions)
    if any(question.evidence.get("die") for question in questions):
        os._exit(9)
    return [_says(question, 0.99) for question in questions]
'''


def of_model(name: str, **more: Any) -> dict[str, Any]:
    return {"ask": f"{name}@1", "accept": ACCEPT, **more}


def of_people(pool: str = "agents", timeout: str = "10m", **more: Any) -> dict[str, Any]:
    return {"ask": pool, "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": timeout, **more}


REFUSE = {"answer": "refuse"}
PLANS: Mapping[str, Mapping[str, Any]] = {
    "model": {"stages": [of_model("sure")], "fallback": REFUSE},
    "late.ask": {"late": "ask", "stages": [of_model("sure")], "fallback": REFUSE},
    "claims": {"stages": [of_model("unsure"), of_people()], "fallback": {"hold": "1h", "then": REFUSE}},
    "person": {"stages": [of_people()], "fallback": REFUSE},
    "expert": {"stages": [of_people("experts")], "fallback": REFUSE},
    "few": {"stages": [of_people("few")], "fallback": REFUSE},
    "few.two": {
        "stages": [of_people("few", votes={"min": 2, "max": 2, "together": 2}, combine="agree")],
        "fallback": REFUSE,
    },
    "paused": {"stages": [of_people("closed")], "fallback": REFUSE},
    "brief": {"stages": [of_people("brief")], "fallback": REFUSE},
    "slow": {"stages": [of_model("slow")], "fallback": REFUSE},
    "garbage": {"stages": [of_model("garbage")], "fallback": REFUSE},
    "failing": {"stages": [of_model("failing")], "fallback": REFUSE},
    "gated": {"stages": [of_model("gated", timeout="60s")], "fallback": REFUSE},
    "paced": {"stages": [of_model("paced", timeout="60s")], "fallback": REFUSE},
    "deadly": {"stages": [of_model("deadly", timeout="60s"), of_people()], "fallback": REFUSE},
    "cascade": {
        "stages": [of_model("unsure"), of_model("gated", timeout="60s")],
        "fallback": REFUSE,
    },
    "both": {
        "stages": [{"ask": ["sure@1", "gated@1"], "combine": "agree", "accept": ACCEPT, "timeout": "60s"}],
        "fallback": REFUSE,
    },
    "people.first": {"stages": [of_people(timeout=BRIEF), of_model("sure")], "fallback": REFUSE},
    "nobody.answer": {"stages": [of_people(timeout=BRIEF)], "fallback": {"answer": "refuse"}},
    "nobody.amends": {
        "stages": [of_people(timeout=BRIEF, votes={"min": 2, "max": 3, "together": 2}, combine="majority")],
        "fallback": REFUSE,
    },
    "called": {"stages": [of_model("sure")], "fallback": REFUSE},
    "nobody.safe": {"stages": [of_people(timeout=BRIEF)], "fallback": "safe_side"},
    "nobody.told": {"stages": [of_people(timeout=BRIEF)], "fallback": "safe_side"},
    "nobody.provisional": {"stages": [of_people(timeout=BRIEF)], "fallback": {"provisional": "refuse"}},
    "nobody.escalate": {
        "stages": [of_people(timeout=BRIEF)],
        "fallback": {"escalate": "experts", "votes": {"min": 1, "max": 1}, "timeout": "10m", "then": REFUSE},
    },
    "nobody.hold": {"stages": [of_people(timeout=BRIEF)], "fallback": {"hold": "1s", "then": REFUSE}},
    "nobody.held": {"stages": [of_people(timeout=BRIEF)], "fallback": {"hold": "1h", "then": REFUSE}},
    "majority": {"stages": [of_people(votes={"min": 2, "max": 3}, combine="majority")], "fallback": REFUSE},
    "together": {
        "stages": [of_people(votes={"min": 2, "max": 3, "together": 2}, combine="majority")],
        "fallback": REFUSE,
    },
    "tie": {"stages": [of_people(votes={"min": 2, "max": 2}, combine="majority")], "fallback": REFUSE},
    "pick": {"stages": [of_people()], "fallback": {"answer": "other"}},
    "count": {"stages": [of_people()], "fallback": {"answer": 0}},
    "form": {"stages": [of_people()], "fallback": {"answer": {"ok": False}}},
}
TYPES: Mapping[str, Mapping[str, Any]] = {
    "model": {
        "evidence": {
            "type": "object",
            "required": ["amount"],
            "properties": {"amount": {"type": "string"}, "note": {}, "say": {}, "deep": {}},
            "additionalProperties": True,
        },
        "amend": ["truth"],
    },
    "person": {"title": "Shall we pay?"},
    "nobody.amends": {"amend": ["late-vote", "truth"]},
    "called": {"amend": ["operator"]},
    "people.first": {"amend": ["late-vote"]},
    "nobody.safe": {"safe_side": "pay"},
    "nobody.told": {"safe_side": {"expression": "evidence.safe"}},
    "pick": {"answers": {"candidates": {"always": ["other"]}}},
    "count": {"answers": {"integer": {"min": 0, "max": 12}}},
    "form": {"answers": {"schema": {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}}},
}
_MODELS: Mapping[str, Mapping[str, Any]] = {
    "sure": {"cost": "0.0005 USD"},
    "second": {},
    "unsure": {"cost": "0.001 USD"},
    "slow": {"timeout": "200ms"},
    "garbage": {},
    "failing": {"breaker": {"failures": 3, "for": "30s"}},
    "gated": {"timeout": "60s"},
    "paced": {"timeout": "60s", "concurrency": 1},
    "deadly": {"batch": 1},
}


def configuration(**more: Any) -> dict[str, Any]:
    """The documents of all tests; `more` replaces top-level keys."""
    return {
        "organisation": {
            "name": "tests",
            "currency": "USD",
            "rates": {"USD": 1, "EUR": 1.08},
            "resolvers": {"https": "pass", "folder": {"folder": "media"}},
        },
        "types": {name: {"answers": ["pay", "refuse"], **TYPES.get(name, {})} for name in PLANS},
        "deciders": {f"{name}@1": {"python": f"deciders:{name}", **spec} for name, spec in _MODELS.items()},
        "pools": {
            "agents": {"wage": "12 USD/h"},
            "experts": {},
            "brief": {"lease": "700ms"},
            "few": {"sooner": {"by": "10m", "at": "500 USD"}},
            "closed": {"paused": True},
        },
        "plans": dict(PLANS),
        "routes": [{"type": name, "plan": name} for name in PLANS],
        "locations": {name: {} for name in ("default", "store-001", "store-002")},
        **more,
    }


def question(kind: str = "model", *, location: str = "default", **evidence: Any) -> dict[str, Any]:
    """A question as it is posted."""
    return {"type": kind, "location": location, "evidence": {"amount": "30.00", **evidence}}


def laid(folder: Path, **more: Any) -> Path:
    """Write the configuration and its deciders into the folder."""
    (folder / "config" / "media").mkdir(parents=True)
    (folder / "config" / "all.yaml").write_text(json.dumps(configuration(**more), indent=1))
    (folder / "config" / "deciders.py").write_text(DECIDERS)
    return folder
