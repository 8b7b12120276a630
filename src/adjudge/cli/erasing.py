"""`adjudge erase`: removes a subject's evidence and subject fields; the figures stay."""

from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.output import as_json
from adjudge.core.counting import counted

WAIT_SECONDS = 60.0


def erase(
    *,
    reason: Annotated[str, typer.Option(help="Kept for ever: name no person in it.")],
    subject: Annotated[list[str] | None, typer.Option(help="FIELD=VALUE; with several, all must match.")] = None,
    decision: Annotated[str | None, typer.Option(help="One decision, instead of a subject.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until keepers are done.")] = WAIT_SECONDS,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Erase evidence and subject of all decisions of a subject, or of one decision. Answers and figures stay.

    It is written down before anything else: a keeper does it, whatever is stopped meanwhile.
    """
    if (subject is None) == (decision is None):
        raise typer.BadParameter("give either --subject or --decision")
    fields = dict(_field(text) for text in subject) if subject else None
    with connected() as adjudge:
        done = adjudge.erasures.create(reason=reason, subject=fields, decision=decision)
        if done.done_at is None and wait:
            done = adjudge.erasures.wait(done.id, wait)
    if json_:
        print(as_json(done))
    else:
        state = "done" if done.done_at else "under way: a keeper goes on with it"
        print(f"{done.id}: {counted(done.erased, 'decision')} erased, {state}")


def _field(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"{text!r} is not FIELD=VALUE", param_hint="--subject")
    return name, value
