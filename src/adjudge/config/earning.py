"""Whether what is to be earned can be: a certified stage that no evidence could ever license is a fault."""

from adjudge.config.cursors import Cursor
from adjudge.core.audits import AuditSpec
from adjudge.core.plans import AgainstPeople, Certified, Plan
from adjudge.core.prefixes import is_of_models
from adjudge.core.specifications import QuestionType


def check_earnable(plan: Plan, at: Cursor, kind: QuestionType) -> None:
    """Note a fault at each certified stage of a plan for which questions of this type can bring no evidence."""
    for index, stage in enumerate(plan.stages):
        if not isinstance(stage.accept, Certified):
            continue
        accept_at = at.descend(("stages", index, "accept"))
        if kind.audits is None:
            accept_at.fault(
                f"nobody audits {kind.name} here, so nothing can ever be certified: configure `audits`, "
                "such as `audits: {rate: 5%, pool: agents, votes: 3, expert: experts}`"
            )
        elif not is_of_models(plan, index):
            accept_at.fault("people are certified nowhere yet: only a stage of models, and of models before it")
        elif kind.audits.inherit is not None and sum(isinstance(each.accept, Certified) for each in plan.stages) > 1:
            accept_at.fault("`audits: {inherit: …}` hands down the certificate of one stage: no other may be certified")
        elif stage.accept.people is not None:
            _check_people(accept_at.descend(("certified", "people")), stage.accept.people, kind.audits)
            if stage.accept.is_of_plan and sum(isinstance(each.accept, Certified) for each in plan.stages) > 1:
                accept_at.fault("`over: plan` compares all that the plan answers: no other stage of it is certified")


def _check_people(at: Cursor, people: AgainstPeople, audits: AuditSpec) -> None:
    """Votes must be set apart, and the truth must be nobody's that they are a part of."""
    if audits.people < people.votes:
        at.fault(
            f"{people.votes} votes of each audit are compared, and `audits` set {audits.people} apart: "
            f"`audits: {{people: {people.votes}}}`"
        )
    if not audits.is_all_experts:
        at.fault(
            "people who agree are no truth about people: name an `expert` in `audits`, and `expert_share: 100%`; "
            "`votes: 0` then spares the votes for the truth"
        )
