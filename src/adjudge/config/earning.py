"""Whether what is to be earned can be: a certified stage that no evidence could ever license is a fault."""

from adjudge.config.cursors import Cursor
from adjudge.core.plans import Certified, Plan
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
