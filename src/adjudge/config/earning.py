"""Whether a certificate can be earned at all: stages that no evidence could license, and terms that contradict."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from adjudge.config.documents.cursors import Cursor
from adjudge.config.sites import Site
from adjudge.core.audits import AuditSpec
from adjudge.core.counting import counted
from adjudge.core.plans import AgainstPeople, Certified, Origin, Plan, Stage
from adjudge.core.prefixes import why_untold
from adjudge.core.specifications import QuestionType


@dataclass(frozen=True, slots=True)
class Unearnable:
    """A stage that says `certified` and always defers. No fault: it is sound, and safe, and automates nothing."""

    type: str
    plan: str
    why: str
    origin: Origin


def unearnable(site: Site) -> Iterator[Unearnable]:
    """Yield the certified stages at a location, at whatever time, for which nothing can bring evidence."""
    for standing in site.every():
        for name, ways in standing.ways.items():
            for plan in {way.plan.hash: way.plan for way in ways}.values():
                for index, stage in enumerate(plan.stages):
                    why = _why_never(plan, index, standing.types[name])
                    if isinstance(stage.accept, Certified) and why is not None:
                        yield Unearnable(name, plan.name, why, stage.accept.origin)


class Spoken(NamedTuple):
    """A certified stage at a location, and a slice or group of which certificates of it speak there."""

    location: str
    type: str
    slice: str
    plan: Plan
    prefix: str
    stage: Stage
    accept: Certified
    audits: AuditSpec

    @property
    def truth(self) -> str:
        """Whose word the truth of an audit is here; nobody's, where no coin ever draws one."""
        return self.audits.truth if self.audits.rate else "nobody"


def spoken_of(sites: Iterable[Site]) -> Iterator[Spoken]:
    """Yield all that certificates may speak of. Where nobody audits, nothing can be earned.

    A location's own slice, and the group's from which it inherits.
    """
    for site in sites:
        for name, kind in site.types.items():
            audits = kind.audits
            if audits is None or name not in site.ways:
                continue
            slices = [site.location.slice_by(audits.slices)]
            if audits.inherit is not None and (group := site.location.group_by(audits.inherit)) is not None:
                slices.append(group)
            for plan in site.possible(name):
                for prefix, stage in zip(plan.prefixes, plan.stages, strict=False):
                    if isinstance(stage.accept, Certified):
                        for one in slices:
                            yield Spoken(site.location.name, name, one, plan, prefix, stage, stage.accept, audits)


def unlike(sites: Iterable[Site]) -> Iterator[Unearnable]:
    """Yield the certified stages of slices whose locations are audited in different ways: audits of both are no sample.

    Of inherited certificates, too, which speak of a group.
    """
    truths: dict[tuple[str, str, str, str, Origin], set[str]] = defaultdict(set)
    for one in spoken_of(sites):
        truths[one.type, one.slice, one.plan.name, one.prefix, one.accept.origin].add(one.truth)
    for (name, slice_, plan, _, origin), said in truths.items():
        if len(said) > 1:
            words = ", ".join(f"`{each}`" for each in sorted(said))
            why = f"locations of `{slice_}` find out in several ways what is true ({words}): audit them alike"
            yield Unearnable(name, plan, why, origin)


def _why_never(plan: Plan, index: int, kind: QuestionType) -> str | None:
    if kind.audits is None:
        return "nothing audits this type: configure `audits`"
    if not kind.audits.rate:
        return "no coin ever draws an audit: give `audits` a `rate` above 0"
    why = why_untold(plan, index)
    return why and f"audits cannot show what it would answer: {why}"


def check_earnable(plan: Plan, at: Cursor, kind: QuestionType) -> None:
    """Note a fault where the terms of a certified stage and those of the audits of this type clash."""
    for index, stage in enumerate(plan.stages):
        if not isinstance(stage.accept, Certified) or kind.audits is None or why_untold(plan, index) is not None:
            continue
        accept_at = at.descend(("stages", index, "accept"))
        _check_evidence(plan, index, accept_at, stage.accept, kind.audits)


def _check_evidence(plan: Plan, index: int, at: Cursor, accept: Certified, audits: AuditSpec) -> None:
    """What is promised must be what audits can show."""
    is_only = sum(isinstance(each.accept, Certified) for each in plan.stages) == 1
    if accept.people is not None:
        _check_people(at.descend(("certified", "people")), accept.people, audits)
        if accept.is_of_plan and not is_only:
            at.fault("`over: plan` compares all that the plan answers: no other stage of it is certified")
    if accept.money is not None:
        _check_money(plan, index, at.descend(("certified", "money")), audits)
    elif audits.per_stake is not None:
        at.fault("audits drawn by stake (`per_stake`) show a share of money: add `money: {up_to: …}`")


def _check_money(plan: Plan, index: int, at: Cursor, audits: AuditSpec) -> None:
    if any(stage.accept is not None for stage in plan.stages[:index]):
        at.fault("an earlier stage accepts any stake: only the first stage that accepts is certified by money")
    if not audits.is_all_experts:
        at.fault(
            "how often people who agree are wrong is known by answers, not by money: name an `expert` in `audits`, "
            "and `expert_share: 100%`"
        )


def _check_people(at: Cursor, people: AgainstPeople, audits: AuditSpec) -> None:
    """Votes must be set apart, and the truth must be nobody's that they are a part of."""
    if audits.people < people.votes:
        at.fault(
            f"{counted(people.votes, 'vote')} of each audit must be compared, and `audits` set {audits.people} apart: "
            f"`audits: {{people: {people.votes}}}`"
        )
    if not audits.is_all_experts:
        at.fault(
            "people who agree are no truth about people: name an `expert` in `audits`, and `expert_share: 100%`; "
            "`votes: 0` then spares the votes for the truth"
        )
