"""Every key of the documents: its type, unit, default and meaning. Schema and reference are written from it.

Readers are not driven by it; a test compares it with what they know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LAYERS: Final[Mapping[str, str]] = {
    "document": "organisation",
    "organisation": "organisation",
    "type": "organisation, group, location; deadline, lane, safe_side, fallbacks: schedule too",
    "fact": "organisation, group, location",
    "decider": "organisation; a group or location may add one",
    "pool": "organisation; a group or location may add one",
    "sooner": "organisation; a group or location may add one",
    "plan": "organisation, group, location, schedule",
    "stage": "organisation, group, location, schedule",
    "votes": "organisation, group, location, schedule",
    "prices": "organisation, group, location, schedule",
    "fallback": "organisation, group, location, schedule",
    "route": "organisation, group, location, schedule",
    "group": "organisation",
    "location": "organisation",
    "schedule": "organisation, group, location",
    "audits": "organisation, group, location; of one type: in the type",
}
"""Which layers may say what stands in a section."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section."""

    name: str
    kind: str
    """Of `schemas.KINDS`, or `section X`, `many X` (by name), `list X`."""
    says: str
    default: str = ""
    """As it is written; empty: none."""


_DURATION: Final = "duration"
_OVERLAY: Final = (
    Key("types", "many type", "question types, laid over those below"),
    Key("deciders", "many decider", "deciders, added"),
    Key("pools", "many pool", "pools, added"),
    Key("plans", "many plan", "plans, laid over those below"),
    Key("routes", "list route", "routes instead of those below"),
    Key("schedules", "many schedule", "hours in which something else holds"),
    Key("audits", "section audits", "how decisions are audited"),
    Key("currency", "currency", "of stakes and costs", "the organisation's"),
    Key("time_zone", "text", "IANA name of the clock that hours and schedules follow", "the organisation's"),
    Key("tags", "any", "words for routes, a list; those of all layers add up"),
    Key("hours", "hours", "when it is open", "always"),
    Key("stake_limit", "money", "over it `over_stake_limit` holds in routes"),
    Key("attributes", "mapping", "anything, for expressions and deciders"),
)
_PEOPLE: Final = (
    Key("votes", "section votes", "how many people are asked", "{min: 1, max: 1}"),
    Key("combine", "any", "`first`, `agree`, `majority`, `bayes`, or `{bayes: …}` with weights", "first"),
    Key("accept", "any", "`certified`, or `{by_hand: CEL}`: when the belief is acted on"),
    Key("timeout", _DURATION, "how long they are waited for; of models 60s or the slowest decider's own"),
)

SECTIONS: Final[Mapping[str, tuple[Key, ...]]] = {
    "document": (
        Key("organisation", "section organisation", "what holds for all"),
        *(
            key
            for key in _OVERLAY
            if key.name in ("types", "deciders", "pools", "plans", "routes", "schedules", "audits")
        ),
        Key("groups", "many group", "locations that share an overlay"),
        Key("locations", "many location", "whatever configuration may differ by", "{default: {}}"),
        Key("packs", "texts", "installed packs whose configuration lies below"),
    ),
    "organisation": (
        Key("name", "text", "for people", "default"),
        Key("currency", "currency", "of stakes and costs", "USD"),
        Key("rates", "mapping", "units of `currency` that one unit of another buys"),
        Key("resolvers", "mapping", "by URI scheme: `pass`, or `{folder: DIR}`"),
        Key("time_zone", "text", "of locations that name none", "UTC"),
        Key("merge_order", "texts", "dimensions of groups as they are laid, the last on top"),
        Key("approvals", "whole", "how many others must agree to a draft before it is published", "0"),
    ),
    "type": (
        Key("answers", "any", "labels, `boolean`, `candidates`, `{integer: …}` or `{schema: …}`"),
        Key("evidence", "mapping", "JSON Schema of the evidence", "any object"),
        Key("deadline", _DURATION, "for questions that name none", "30d"),
        Key("safe_side", "any", "the harmless answer, or `{expression: CEL}`"),
        Key("fallbacks", "mapping", "by reason, what answers instead of the plan's own"),
        Key("title", "text", "what reviewers are asked"),
        Key("guidelines", "text", "what reviewers are told, Markdown"),
        Key("show", "texts", "evidence fields that a terminal shows", "all"),
        Key("amend", "texts", "what may amend a final outcome: truth, late-vote, operator"),
        Key("lane", "lane", "class of traffic", "standard"),
        Key("audits", "section audits", "how its decisions are audited", "as for all types"),
        Key("facts", "many fact", "what of the evidence routes may read"),
    ),
    "fact": (
        Key("at", "text", "JSON pointer into the evidence"),
        Key("type", "any", "`number`, `boolean` or a list of words"),
    ),
    "decider": (
        Key("python", "text", "`module:function`"),
        Key("http", "mapping", "a model behind an address, mapped by JSON pointers"),
        Key("oip", "mapping", "a model behind the Open Inference Protocol"),
        Key("openai", "mapping", "a model behind a chat endpoint"),
        Key("rule", "any", "cases in CEL over the evidence"),
        Key("role", "role", "whether its answers count", "serving"),
        Key("timeout", _DURATION, "for one call, its retries included", "10s"),
        Key("retries", "whole", "further tries after an error", "0"),
        Key("cost", "money", "of each question", "0"),
        Key("batch", "whole", "questions in a call, at most", "200; behind an address 32 or 1"),
        Key("linger", _DURATION, "how long questions wait for others to share their call", "0"),
        Key("concurrency", "whole", "calls at once in one worker", "2; behind an address 8"),
        Key(
            "breaker",
            "mapping",
            "calls in a row that fail before it opens, and how long it is",
            "{failures: 5, for: 10s}",
        ),
        Key("isolate", "isolation", "whether a function has a process of its own", "none"),
        Key("settings", "mapping", "passed to a function as keyword arguments"),
        Key("hedge", "any", "behind an address: when a second request is sent"),
    ),
    "pool": (
        Key("wage", "wage", "what an hour of work costs", "0"),
        Key("utilisation", "share", "share of paid time that is spent on tasks", "1.0"),
        Key("lease", _DURATION, "how long a task is one person's without a sign of life", "2m"),
        Key("accuracy", "share", "probability that one vote is right", "0.95"),
        Key("paused", "flag", "hands out no tasks", "false"),
        Key("size", "whole", "how many people it has: more votes are refused"),
        Key("sooner", "section sooner", "by how much what is at stake brings a question forward"),
    ),
    "sooner": (
        Key("by", _DURATION, "by this much at most"),
        Key("at", "money", "from this stake on by all of it, below in proportion"),
    ),
    "plan": (
        Key("stages", "list stage", "who is asked, in order: 1 to 20"),
        Key("fallback", "fallback", "what answers when nobody has"),
        Key("late", "late", "what becomes of a question whose deadline has passed on arrival", "fallback"),
        Key("shadow", "texts", "deciders in shadow that are asked on the side"),
    ),
    "stage": (
        Key("ask", "names", "deciders, or one pool"),
        *_PEOPLE,
        Key("on_error", "any", "of models: `defer`, or a fallback", "defer"),
        Key("fallbacks", "mapping", "by reason, what is done at once when it comes to nothing", "go on"),
    ),
    "votes": (
        Key("min", "whole", "votes that are bought at least", "1"),
        Key("max", "whole", "votes at most", "`min`"),
        Key("together", "whole", "people asked at the same time", "1"),
        Key("prices", "section prices", "once it is learnt what votes are worth: what decides about the next one"),
    ),
    "prices": (
        Key("wrong", "price", "of a wrong answer"),
        Key("vote", "price", "of a vote", "1"),
        Key("delay", "price", "of the time until a vote comes", "0"),
        Key("expert", "price", "of whatever answers instead: the next stage, or the fallback; under half of `wrong`"),
    ),
    "fallback": (
        Key("answer", "any", "settles with it"),
        Key("safe_side", "flag", "settles with what the type declares harmless"),
        Key("provisional", "any", "writes version 1 and stays open: an answer, or `best`"),
        Key("escalate", "text", "asks another pool"),
        Key("hold", _DURATION, "answers nothing yet"),
        *_PEOPLE,
        Key("then", "fallback", "what follows a hold or an escalation"),
    ),
    "route": (
        Key("type", "text", 'a question type, or `"*"`'),
        Key("groups", "names", "for locations of these", "all"),
        Key("locations", "names", "for these", "all"),
        Key("schedules", "names", "while one of these holds", "at any time"),
        Key("when", "text", "CEL: only where it holds", "always"),
        Key("plan", "text", "which plan is taken"),
        Key("deciders", "mapping", "who is asked instead"),
        Key("pools", "mapping", "who is asked instead"),
        Key("lane", "lane", "class of traffic", "the type's"),
    ),
    "group": (
        Key("within", "text", "the group in which it lies"),
        Key("dimension", "text", "a location is in one group of each", "that of the group above"),
        Key("rank", "whole", "higher ones are laid on top", "place of its dimension in `merge_order`, else 0"),
        *_OVERLAY,
    ),
    "location": (Key("groups", "names", "those it lies in, innermost"), *_OVERLAY),
    "schedule": (
        Key("hours", "hours", "when it holds, on the location's clock"),
        *(key for key in _OVERLAY if key.name in ("types", "plans", "routes")),
    ),
    "audits": (
        Key("rate", "any", "probability of the coin", "5%"),
        Key("pool", "text", "who answers, blind to models and to each other"),
        Key("votes", "whole", "blind votes; where all agree, that is the truth", "3"),
        Key("expert", "text", "who says what is true where votes differ"),
        Key("expert_share", "any", "probability that the expert answers although the votes agree", "20%"),
        Key("people", "whole", "further blind votes, set apart as what people would have said", "0"),
        Key("budget", "whole", "audits a day and slice"),
        Key("slices", "text", "what a certificate speaks of: all, location, groups, or a dimension", "all"),
        Key("per_stake", "money", "stake whose rate it is; of others in proportion to theirs", "all alike"),
        Key("inherit", "text", "whose certificate a slice has until its own: all, or a dimension"),
        Key("patience", _DURATION, "after this long without all votes the expert is asked", "2d"),
    ),
}
