"""`adjudge ask`: one question from the command line."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from adjudge.cli.connection import connected
from adjudge.cli.instants import ahead
from adjudge.cli.output import as_json
from adjudge.cli.showing import summary


def ask(
    question_type: Annotated[str, typer.Argument(metavar="TYPE")],
    evidence: Annotated[str, typer.Option(help="JSON, @FILE, or - for standard input.")],
    *,
    location: Annotated[str, typer.Option()] = "default",
    stake: Annotated[str | None, typer.Option(help='Money at risk: "50.00 USD".')] = None,
    subject: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Your own keys.")] = None,
    candidate: Annotated[list[str] | None, typer.Option(help="An answer that may be given.")] = None,
    deadline: Annotated[str | None, typer.Option(help="From now (10m), or an instant: 2026-12-01T18:00:00Z.")] = None,
    lane: Annotated[str | None, typer.Option(help="realtime, standard or bulk.")] = None,
    wait: Annotated[int, typer.Option(min=0, help="Seconds to wait for the outcome.")] = 0,
    idempotency_key: Annotated[str | None, typer.Option("--key", help="Same key, same decision.")] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print the decision as JSON.")] = False,
) -> None:
    """Ask a question; print the decision, settled or not yet."""
    question: dict[str, Any] = {
        "evidence": read_evidence(evidence),
        "location": location,
        "stake": None if stake is None else read_stake(stake),
        "subject": read_subject(subject or []) or None,
        "candidates": candidate,
        "deadline": None if deadline is None else ahead(deadline, datetime.now(UTC)),
        "lane": lane,
        "idempotency_key": idempotency_key,
    }
    with connected() as adjudge:
        decision = adjudge.decisions.create(question_type, **question)
        if wait and decision.outcome is None:
            try:
                decision = adjudge.decisions.wait(decision.id, timeout=wait)
            except KeyboardInterrupt:
                print(f"it goes on: adjudge decisions show {decision.id}", file=sys.stderr)
                raise
    print(as_json(decision) if as_json_ else summary(decision))


def read_evidence(text: str) -> dict[str, Any]:
    """Read JSON, or the file that `@FILE` names. Raises BadParameter."""
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text()
        evidence = json.loads(text)
    except OSError as error:
        raise typer.BadParameter(f"cannot read {error.filename}: {error.strerror}") from None
    except ValueError as error:
        raise typer.BadParameter(f"the evidence is not JSON: {error}") from None
    if not isinstance(evidence, dict):
        raise typer.BadParameter('the evidence is a JSON object: {"amount": "50.00"}')
    return evidence


def read_stake(text: str) -> tuple[str, str]:
    """Read `50.00 USD`. Raises BadParameter; the server checks the currency's digits."""
    amount, _, currency = text.strip().partition(" ")
    if not currency:
        raise typer.BadParameter(f'{text!r} is not an amount with a currency, such as "50.00 USD"')
    return amount, currency


def read_subject(pairs: list[str]) -> dict[str, str]:
    """Read `NAME=VALUE` pairs. Raises BadParameter."""
    subject = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise typer.BadParameter(f"{pair!r} is not NAME=VALUE")
        subject[name] = value
    return subject
