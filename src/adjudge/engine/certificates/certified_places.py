"""Where certificates may be earned: the certified stages of all plans, by slice and by group."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from adjudge.automation import money
from adjudge.config import Configuration
from adjudge.core.accepting import Rates, stakes
from adjudge.core.audits import AuditSpec
from adjudge.core.money import Stake
from adjudge.core.plans import Certified, Plan
from adjudge.core.prefixes import why_untold
from adjudge.core.specifications import Location
from adjudge.engine.certificates.licensing import Sampling, Scale
from adjudge.store.automation.covers import OR, Covers


@dataclass(frozen=True, slots=True)
class CertifiedPlace:
    """A certified stage of a plan, as configuration has it now."""

    covers: Covers
    plan: Plan
    index: int
    plan_hashes: tuple[str, ...]
    """Of all plans that have this prefix."""
    earlier: tuple[str, ...]
    """Scopes of certified stages before it."""
    patience: timedelta
    """How old an open audit is before others no longer wait for it."""
    siblings: int = 1
    """Slices that inherit from the same group, this one among them."""
    member_scopes: tuple[str, ...] = ()
    """Where this is a group's place: scopes of the slices that inherit from it."""
    least_rate: float = 0.0
    """The lowest rate, 0 to 1, at which decisions here are audited."""
    largest: float = 0.0
    """Where the target is of money: the largest that stake ÷ probability of its audit can be here, in major units; an
    audit as large weighs 1. 0: the target is of answers."""
    thinned_to: float = 0.0
    """The lowest rate at which any of its slices or locations is audited, where these differ: what was drawn at a
    higher one is thinned to it. 0: all have the same, or audits are weighed instead."""
    steady: float = 1.0
    """The lowest rate among those that follow no `budget`; 1: all follow one."""
    follows_budget: bool = False

    @property
    def one_rate(self) -> float | None:
        """At which all decisions here are audited; None: it follows a budget, stakes or the location."""
        return None if self.follows_budget or self.largest or self.thinned_to else self.least_rate

    @property
    def sampling(self) -> Sampling:
        """At which rates audits are drawn here, as configuration has it now."""
        return Sampling(self.thinned_to, self.steady, self.largest)


def scale_of(place: CertifiedPlace) -> Scale | None:
    """Return the scale of stakes here, if the target is of money; None: it is of answers."""
    up_to = place.covers.money
    return Scale(up_to=up_to, rates=place.plan.rates, largest=place.largest) if up_to is not None else None


def _largest(up_to: Stake, rates: Rates, spec: AuditSpec | None) -> float:
    """Return the most that a stake up to this can be of the probability with which it is audited at a location."""
    if spec is None:
        return up_to.major
    per = stakes(spec.per_stake, rates).get(up_to.currency) if spec.per_stake is not None else None
    return money.largest_ratio(rate=max(spec.rate, 1e-9), up_to=up_to.major, per_stake=per)


def certified_places(
    configurations: Sequence[Configuration], at: Callable[[str], Configuration] | None = None
) -> dict[str, CertifiedPlace]:
    """Return every certified stage that some question may come to, by its scope. The newest configuration first.

    `at`: which of them holds at a location. What another says of a location has no part in what does hold somewhere,
    but ends nothing: what is published for some locations first may be rolled back. None: each holds everywhere.
    """
    holding = _joined_places(configurations, lambda one, where: at is None or at(where) is one)
    others = _joined_places(configurations, lambda one, where: at is not None and at(where) is not one)
    found = others | holding
    return {scope: _with_siblings(place, found) for scope, place in found.items()}


def _joined_places(
    configurations: Sequence[Configuration], is_meant: Callable[[Configuration, str], bool]
) -> dict[str, CertifiedPlace]:
    found: dict[str, CertifiedPlace] = {}
    for configuration in configurations:
        for location, question_type, plan in configuration.every_plan():
            if is_meant(configuration, location.name):
                spec = configuration.question_type(location.name, question_type).audits
                for scope, place in _places(plan, question_type, location, spec):
                    found[scope] = _joined(found.get(scope), place)
    return found


def _places(
    plan: Plan, question_type: str, location: Location, spec: AuditSpec | None
) -> Iterator[tuple[str, CertifiedPlace]]:
    """Yield the certified stages of a plan at a location: of each the slice's, then its group's if it inherits."""
    slice_ = location.slice_by(spec.slices) if spec is not None else ""
    group = location.group_by(spec.inherit) if spec is not None and spec.inherit is not None else None
    earlier: tuple[str, ...] = ()
    earlier_of_group: tuple[str, ...] = ()
    for index, stage in enumerate(plan.stages):
        if not isinstance(stage.accept, Certified):
            continue
        scope = plan.scope(index, question_type, slice_)
        parent = plan.scope(index, question_type, group) if group is not None else None
        covers = _covers(plan, index, question_type, slice_, stage.accept, spec, location.name)
        place = _place(msgspec.structs.replace(covers, parent=parent), plan, index, earlier, spec)
        yield scope, place
        earlier += (scope,)
        if parent is not None and group is not None:
            yield parent, _of_group(place, group, scope, earlier_of_group)
            earlier_of_group += (parent,)


def _place(covers: Covers, plan: Plan, index: int, earlier: tuple[str, ...], spec: AuditSpec | None) -> CertifiedPlace:
    largest = _largest(covers.money, plan.rates, spec) if covers.money is not None else 0.0
    if spec is None:
        return CertifiedPlace(covers, plan, index, (plan.hash,), earlier, timedelta(), largest=largest)
    follows_budget = spec.budget is not None
    return CertifiedPlace(
        covers,
        plan,
        index,
        (plan.hash,),
        earlier,
        spec.patience,
        least_rate=spec.rate,
        largest=largest,
        steady=1.0 if follows_budget else spec.rate,
        follows_budget=follows_budget,
    )


def _of_group(place: CertifiedPlace, group: str, scope: str, earlier: tuple[str, ...]) -> CertifiedPlace:
    """Return the place of the group from which a slice inherits: what the slice is, with the slice as its member."""
    covers = msgspec.structs.replace(place.covers, slice=group, members=(place.covers.slice,), parent=None)
    thinned_to = 0.0 if place.largest else place.least_rate
    return replace(place, covers=covers, earlier=earlier, member_scopes=(scope,), thinned_to=thinned_to)


def _joined(before: CertifiedPlace | None, place: CertifiedPlace) -> CertifiedPlace:
    """Return a place as it is once another location has it, too."""
    if before is None:
        return place
    locations, members = before.covers.locations + place.covers.locations, before.covers.members + place.covers.members
    is_unaudited_in_part = (not before.least_rate) != (not place.least_rate)
    return replace(
        before,
        covers=msgspec.structs.replace(
            before.covers,
            locations=tuple(dict.fromkeys(locations)),
            members=tuple(dict.fromkeys(members)),
            truth=_truths(before.covers.truth, place.covers.truth, "nobody" if is_unaudited_in_part else ""),
            has_expert=before.covers.has_expert and place.covers.has_expert,
        ),
        plan_hashes=tuple(dict.fromkeys(before.plan_hashes + place.plan_hashes)),
        member_scopes=tuple(dict.fromkeys(before.member_scopes + place.member_scopes)),
        thinned_to=_thinned_to(before, place),
        steady=min(before.steady, place.steady),
        follows_budget=before.follows_budget or place.follows_budget,
        least_rate=min(before.least_rate, place.least_rate),
        largest=max(before.largest, place.largest),
    )


def _truths(*said: str) -> str:
    """Return whose word is the truth at some of the locations, in an order of its own."""
    return OR.join(sorted({one for each in said for one in each.split(OR) if one}))


def _thinned_to(before: CertifiedPlace, place: CertifiedPlace) -> float:
    """Return the rate to which audits are thinned: a group's always, of one slice where locations differ.

    Money is weighed by rates instead. Where these follow a budget, this is what holds until keepers have set them.
    """
    least, covers = min(before.least_rate, place.least_rate), before.covers
    differ = before.least_rate != place.least_rate and covers.money is None
    return least if before.thinned_to or place.thinned_to or differ else 0.0


def _with_siblings(place: CertifiedPlace, every: Mapping[str, CertifiedPlace]) -> CertifiedPlace:
    parent = place.covers.parent
    return place if parent is None else replace(place, siblings=len(every[parent].covers.members))


def _covers(
    plan: Plan, index: int, question_type: str, slice_: str, accept: Certified, spec: AuditSpec | None, location: str
) -> Covers:
    last = plan.stages[index]
    return Covers(
        type=question_type,
        slice=slice_,
        prefix=plan.prefixes[index],
        plan=plan.name,
        stage=index,
        deciders=(*plan.models_before(index + 1), *([last.pool] if last.pool is not None else ())),
        locations=(location,),
        target=accept.target if accept.people is None else accept.people.margin,
        confidence=accept.confidence,
        watch=accept.watch,
        validity_seconds=accept.validity.total_seconds(),
        validity_audits=accept.validity_audits,
        ends_with_drift=accept.drift == "ends",
        is_audited=spec is not None,
        has_expert=spec is not None and spec.expert is not None,
        expert_share=1.0 if spec is not None and spec.pool is None else spec.expert_share if spec else 0.0,
        truth=spec.truth if spec is not None else "",
        alike=spec.votes if spec is not None else 0,
        rate=spec.rate if spec is not None else 0.0,
        budget=spec.budget if spec is not None else None,
        is_told=why_untold(plan, index) is None,
        votes=last.votes.maximum if last.pool is not None else 0,
        people=accept.people,
        money=accept.money,
        family=accept.family,
    )
