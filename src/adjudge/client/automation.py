"""The calls about automation: slices, certificates, audits."""

from datetime import datetime
from typing import Any

import msgspec

from adjudge.client.calls import Call, known, path, reader


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of the questions of a type, and how far it is automated."""

    scope: str
    type: str
    slice: str
    plan: str
    stage: int
    deciders: tuple[str, ...]
    locations: tuple[str, ...]
    target: float
    """Of the answers given without a person, at most this share wrong; against people the margin."""
    confidence: float
    state: str
    """`none`, `collecting`, `licensed` or `suspended`."""
    reason: str
    epoch: int
    certificate: str | None
    standing: dict[str, Any]
    """What the last look found."""
    people: dict[str, Any] | None = None
    """With how many people it is compared, instead of a target."""
    promise: str = ""
    """What a certificate promises here, in words."""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why a question type is automated at a location, or not."""

    why: str
    slices: tuple[Slice, ...]


class OpenAudit(msgspec.Struct, frozen=True, kw_only=True):
    """An audit whose truth is not known yet."""

    decision: str
    type: str
    location: str
    role: str
    rate: float
    asked_at: datetime
    age_seconds: float
    state: str
    """`deciding`, `drawn`, `people` or `expert`."""
    why_expert: str
    shown: int
    votes: int
    declined: int


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Answers of about this confidence."""

    confidence: float
    """Mean of what was said, calibrated."""
    accuracy: float
    """Share that was right."""
    examples: int


class Calibration(msgspec.Struct, frozen=True):
    """What a decider's confidence means, learnt from calibrate-audits; figures are of examples held out."""

    calibrator: dict[str, Any]
    """`kind`: none, temperature, platt or isotonic; and its numbers."""
    log_losses: dict[str, float]
    """Of each kind; the least was chosen."""
    error: float
    """Adaptive expected calibration error."""
    curve: tuple[ReliabilityBin, ...]
    examples: int


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate with all that it rests on; its id is a hash over `body`."""

    id: str
    scope: str
    epoch: int
    issued_at: datetime
    in_force: bool
    body: dict[str, Any]
    ended: dict[str, Any] | None = None
    """When and why its epoch ended: `at`, `why`; None: it runs, or a server of before does not say."""
    changed: list[str] = []
    """Decisions among the inputs whose audits are no longer on record as they were."""
    licence: dict[str, Any] | None = None
    """What processes act on; None: a server of before does not say."""
    calibration: Calibration | None = None
    """Of the confidence that is compared with the threshold."""


class LearntOf(msgspec.Struct, frozen=True, kw_only=True):
    """What is learnt of a person: 90% of the probability lies between `low` and `high`."""

    reviewer: str
    votes: int
    """Blind votes that it was learnt from."""
    accuracy: float
    """Share of their votes that is right."""
    low: float
    high: float


class LearntStage(msgspec.Struct, frozen=True, kw_only=True):
    """How a stage of people weighs what it hears, and when it stops asking."""

    stage: str
    deciders: tuple[str, ...]
    audits: int
    weights: tuple[dict[str, Any], ...]
    """Of its deciders and of the votes, by number of votes from 0 on."""
    accepted_risks: tuple[float, ...]
    """By number of votes from 0 on, the risk at which asking ends."""


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """The newest snapshot of what votes are worth for a question type."""

    type: str
    snapshot: int
    published_at: datetime
    votes: int
    audits: int
    people: tuple[LearntOf, ...]
    stages: tuple[LearntStage, ...]


class _Learnt(msgspec.Struct, frozen=True):
    learnt: tuple[Learnt, ...]


class Slices(msgspec.Struct, frozen=True):
    """All slices, and how many false certificates are to be expected at most of those that were tested."""

    slices: tuple[Slice, ...]
    expected_false: float = 0.0


class _Audits(msgspec.Struct, frozen=True):
    audits: tuple[OpenAudit, ...]


_slice = reader(Slice)
_overview = reader(Slices)
_why = reader(Why)
_certificate = reader(Certificate)


def list_slices() -> Call[tuple[Slice, ...]]:
    """Return how far each slice is automated."""
    return Call(method="GET", path=path("automation"), read=_read_slices)


def overview() -> Call[Slices]:
    """Return how far each slice is automated, and what is to be expected of all together."""
    return Call(method="GET", path=path("automation"), read=_overview)


def why(location: str, type: str) -> Call[Why]:
    """Return in a sentence why questions of a type are automated at a location, or not."""
    params = {"location": location, "type": type}
    return Call(method="GET", path=path("automation", "why"), read=_why, params=params)


def list_audits(*, type: str | None = None, limit: int = 100) -> Call[tuple[OpenAudit, ...]]:
    """Return open audits, the oldest first."""
    params = {name: str(value) for name, value in known(type=type, limit=limit).items()}
    return Call(method="GET", path=path("automation", "audits"), read=_read_audits, params=params)


def audit(decision: str) -> Call[dict[str, Any]]:
    """Return the record of a closed audit: its truth and by whom, votes, what each model said."""
    return Call(method="GET", path=path("automation", "audits", decision), read=_read_audit)


def certificate(id: str) -> Call[Certificate]:
    """Return a certificate with its inputs."""
    return Call(method="GET", path=path("automation", "certificates", id), read=_certificate)


def learnt() -> Call[tuple[Learnt, ...]]:
    """Return what votes are worth, by question type: the snapshots in force."""
    return Call(method="GET", path=path("automation", "learnt"), read=_read_learnt)


def suspend(scope: str, reason: str) -> Call[Slice]:
    """Take automation of a slice away at once."""
    body = {"scope": scope, "reason": reason}
    return Call(method="POST", path=path("automation", "suspend"), read=_slice, body=body, repeatable=False)


def renew(scope: str, reason: str) -> Call[Slice]:
    """Have the certificate of a slice that is in force computed again, with a new validity."""
    body = {"scope": scope, "reason": reason}
    return Call(method="POST", path=path("automation", "renew"), read=_slice, body=body, repeatable=False)


def _read_slices(content: bytes) -> tuple[Slice, ...]:
    return msgspec.json.decode(content, type=Slices).slices


def _read_learnt(content: bytes) -> tuple[Learnt, ...]:
    return msgspec.json.decode(content, type=_Learnt).learnt


def _read_audit(content: bytes) -> dict[str, Any]:
    return msgspec.json.decode(content, type=dict[str, Any])


def _read_audits(content: bytes) -> tuple[OpenAudit, ...]:
    return msgspec.json.decode(content, type=_Audits).audits
