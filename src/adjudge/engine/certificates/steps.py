"""What follows for a slice's certificate from what a look has shown: issue one, let it expire, or nothing. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from adjudge.automation.against_people import NoWorse
from adjudge.automation.betting import all_audits
from adjudge.automation.certifying import Licensed, NotEnough, Unanimity
from adjudge.core.licences import Licence
from adjudge.engine.certificates import designing, licensing, watches
from adjudge.engine.certificates.licensing import AnyState, Judged
from adjudge.store.automation.covers import Covers

WORTH: Final = 0.01
"""A looser threshold is worth a new certificate from this much more coverage on."""
WORTH_BEFORE_OTHERS: Final = 0.05
"""The same where another certified stage follows: it begins anew whenever this one lets through something else."""
FRESH_AUDITS: Final = 56
"""Audits that the watch must have read before a certificate is renewed by itself: a fivefold risk would have shown."""
TOO_LONG: Final = 2
"""An epoch is given up where it wants more than this many times the audits that it has read,"""
BESIDE_PEOPLE: Final = 4
"""and has read what is wanted to begin; against people so many times that: a difference of two shares tells less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A certificate is issued for what the evidence shows now."""

    shown: Licensed | NoWorse
    begins_anew: bool
    """Whether the watches over it begin a new validity; they go on where it only loosens one that is in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """The certificate in force ends, and no other takes its place."""

    certificate: str
    why: str


def next_step(
    state: AnyState,
    licence: Licence | None,
    unanimity: Unanimity | None,
    *,
    ends_with_drift: bool,
    is_renewal_asked: bool,
    is_followed: bool,
    now: datetime,
) -> Issue | Expire | None:
    """Return what follows. `licence`: the one in force; `is_followed`: by another certified stage of the plan.

    Whoever asks for a renewal has it where one is in force; what has ended is not brought back by anybody's word.
    """
    shown = state.epoch.of_now(unanimity=unanimity)
    if licence is None:
        if shown is None or state.epoch.audits < state.held_until:
            return None
        return Issue(shown=shown, begins_anew=state.certificate is None)
    is_looser = shown is not None and _is_worth(state, licence, shown, is_followed)
    if shown is not None and not is_looser:  # what lets through the same leaves later stages what they had
        shown = state.epoch.of_now(unanimity=unanimity, least=licence.threshold) or shown
    has_drifted = ends_with_drift and state.has_drifted
    if is_renewal_asked and shown is not None and not has_drifted:
        return Issue(shown=shown, begins_anew=True)
    over = _why_over(state, licence, has_drifted, now)
    if over and (lacks := _lacking(state, shown)):
        return Expire(certificate=licence.certificate, why=f"{over}: {lacks}")
    if shown is None or state.epoch.audits < state.held_until or not (over or is_looser):
        return None
    return Issue(shown=shown, begins_anew=bool(over) or state.certificate is None)


def is_given_up(state: AnyState, covers: Covers, delta: float) -> bool:
    """Return whether an epoch that has licensed nothing would take much longer than another start.

    Where it begins was chosen on few audits, or on those of worse days. It is judged by the target itself: what
    unanimity takes off, no other start gives back.
    """
    read = all_audits(int(state.epoch.audits))
    least = designing.audits_to_begin(covers, delta) * (BESIDE_PEOPLE if covers.people is not None else 1)
    if state.certificates or read < least:
        return False
    _, verdict = state.epoch.look()
    wanted = verdict.more_audits if isinstance(verdict, NotEnough) else 0
    return wanted is None or wanted > TOO_LONG * read


def issued(state: AnyState, step: Issue, certificate: str, inputs: Sequence[Judged], covers: Covers) -> AnyState:
    """Return the state under a certificate that was issued on these audits."""
    verdict, drift, watch = step.shown, state.drift, state.watch
    if step.begins_anew:
        read = [(each.audit.score, each.audit.weight) for each in inputs]
        drift = licensing.drift_from(inputs)
        watch = watches.gone_on(watch, covers, weights=watches.weights_of(covers, read, verdict.threshold))
    return msgspec.structs.replace(
        state,
        certificate=certificate,
        expired="",
        coverage=verdict.coverage,
        certificates=(*state.certificates, certificate),
        drift=drift,
        watch=watch,
    )


def expired(state: AnyState, said: str) -> AnyState:
    """Return the state without a certificate; another one wants fresh audits."""
    return msgspec.structs.replace(state, certificate=None, expired=said, held_until=state.epoch.audits + FRESH_AUDITS)


def _why_over(state: AnyState, licence: Licence, has_drifted: bool, now: datetime) -> str:
    """Say why a certificate is over; empty: it is not."""
    if now >= licence.valid_until or (state.watch and state.watch.expired):
        return "has expired"
    return "has ended, as scores have drifted" if has_drifted else ""


def _lacking(state: AnyState, shown: Licensed | NoWorse | None) -> str:
    """Say what keeps a certificate that is over from being renewed; empty: nothing."""
    if state.watch is not None and state.watch.audits < FRESH_AUDITS:
        return "too few audits"
    return "the audits show it no longer" if shown is None else ""


def _is_worth(state: AnyState, licence: Licence, shown: Licensed | NoWorse, is_followed: bool) -> bool:
    """Return whether what is shown now is enough looser than what is in force."""
    worth = WORTH_BEFORE_OTHERS if is_followed else WORTH
    return shown.threshold < licence.threshold and shown.coverage >= state.coverage + worth
