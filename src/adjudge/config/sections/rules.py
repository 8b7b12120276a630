"""The section `rule` of a decider: cases over the evidence, the first that holds answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import share, text
from adjudge.config.sections.misnaming import fault_of_expression
from adjudge.config.sections.sense import Words, check_sense
from adjudge.core.answers import Json
from adjudge.core.expressions import (
    RULE_VARIABLES,
    Expression,
    InvalidExpression,
    compile_rule_answer,
    compile_rule_condition,
)
from adjudge.core.rules import Rule, RuleCase

MOST_CASES: Final = 50
_EXAMPLE: Final = '{when: "evidence.amount < 20.0", answer: pay}'
_NEVER: Final = compile_rule_condition("false")


def read_rule(at: Cursor, words: Mapping[str, Words]) -> Rule:
    """Read a list of cases; one may stand by itself. `words`: of conditions."""
    items = at.items()
    if not 0 < len(items) <= MOST_CASES:
        at.fault(f"a rule has 1 to {MOST_CASES} cases, such as `{_EXAMPLE}`")
        items = []
    cases = tuple(_case(item, words) for item in items)
    _check_reached(cases, items)
    return Rule(cases)


def _check_reached(cases: Sequence[RuleCase], items: Sequence[Cursor]) -> None:
    """What always holds, or is the same as a case before, leaves nothing to those after it."""
    for number, (case, at) in enumerate(zip(cases, items, strict=True)):
        before = next((n for n, each in enumerate(cases[:number]) if each.when == case.when or _always(each)), None)
        if before is not None and case.when is not _NEVER:
            at.slip(f"no question comes here: rule[{before}] answers them all before")


def _always(case: RuleCase) -> bool:
    return not case.when.reads and case.when.holds({})


def _case(at: Cursor, words: Mapping[str, Words]) -> RuleCase:
    with at.fields() as fields:
        when, answer = fields.need("when", _EXAMPLE), fields.need("answer", _EXAMPLE)
        return RuleCase(
            when=_condition(when, words) if when is not None else _NEVER,
            answer=_answer(answer) if answer is not None else None,
            confidence=fields.read("confidence", share, 1.0),
        )


def _condition(at: Cursor, words: Mapping[str, Words]) -> Expression:
    found = _expression(at, compile_rule_condition)
    if found is not _NEVER:
        check_sense(at, found, words)
    return found


def _answer(at: Cursor) -> Json | Expression:
    """Read an answer as it stands, or `{expression: …}`."""
    if not at.has("expression"):
        return _plain(at.node)
    with at.fields() as fields:
        found = fields.need("expression", "expression: evidence.scanned")
        return _expression(found, compile_rule_answer) if found is not None else _NEVER


def _plain(node: Node) -> Json:
    plain: Json = node.plain()
    return plain


def _expression(at: Cursor, compiled: Callable[[str], Expression]) -> Expression:
    try:
        return compiled(at.read(text, "false"))
    except InvalidExpression as error:
        fault_of_expression(at, error, RULE_VARIABLES)
        return _NEVER
