"""The section `types`: kinds of questions."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from adjudge.config.documents.cursors import Cursor, Fields, Misread
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import check_name, choice, duration, text, texts
from adjudge.config.sections.audits import Auditors, audits_of, read_audits
from adjudge.config.sections.misnaming import fault_of_expression
from adjudge.config.sections.spaces import UNKNOWN, read_answer, read_schema, read_space
from adjudge.core.answers import AnswerSpace, Boolean, Candidates, Integer, Labels, OutsideSpace, keyed
from adjudge.core.audits import AuditSpec
from adjudge.core.expressions import EVIDENCE_VARIABLES, Expression, InvalidExpression, compile_over_evidence
from adjudge.core.facts import Fact
from adjudge.core.pointers import Pointer, parse_pointer
from adjudge.core.specifications import QuestionType

Amendment: TypeAlias = Literal["truth", "late-vote", "operator"]

MOST_WORDS: Final = 100
IS_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
"""Of a fact: as expressions name their variables."""
_KINDS: Final[Mapping[type, tuple[str, ...]]] = {
    Labels: ("STRING",),
    Candidates: ("STRING",),
    Boolean: ("BOOL", "STRING"),
    Integer: ("INT", "UINT", "STRING"),
}
"""Of expressions that may give an answer of a space; of a structured one any may."""
_COMPOSED: Final = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "patternProperties")


def read_type(name: str, at: Cursor, usual: Cursor | None, auditors: Auditors) -> QuestionType:
    """Read one question type with all its settings. `usual`: the audits of all types at this place."""
    check_name(at, name, "a question type")
    with at.fields() as fields:
        answers = fields.need("answers", "answers: [a, b]")
        space = read_space(answers) if answers is not None else UNKNOWN
        fields.get("fallbacks")  # read with each plan, whose pools they must not ask again
        schema = fields.get("evidence")
        evidence = _evidence(schema) if schema is not None else None
        return QuestionType(
            name=name,
            space=space,
            evidence=evidence,
            deadline=fields.read("deadline", duration, None),
            safe_side=_safe_side(fields, space),
            title=fields.read("title", text, ""),
            guidelines=fields.read("guidelines", text, ""),
            show=_show(fields, evidence),
            amend=_amend(fields),
            lane=fields.read("lane", choice("realtime", "standard", "bulk"), "standard"),
            audits=_audits(at, fields, usual, auditors),
            facts=_facts(fields),
        )


def _audits(at: Cursor, fields: Fields, usual: Cursor | None, auditors: Auditors) -> AuditSpec | None:
    fields.get("audits")
    found = audits_of(at, usual)
    return read_audits(found, auditors) if found is not None else None


def _facts(fields: Fields) -> Mapping[str, Fact]:
    at = fields.get("facts")
    return {name: _fact(name, child) for name, child in at.entries().items()} if at is not None else {}


def _fact(name: str, at: Cursor) -> Fact:
    """Read `{at: /cart/units, type: number}`."""
    if not IS_NAME.fullmatch(name):
        at.fault(f"`{name[:80]}` is not a name for a fact: a small letter, then small letters, digits and `_`")
    with at.fields() as fields:
        place, kind = fields.need("at", "at: /cart/units"), fields.need("type", "type: number")
        pointer = place.read(pointer_of, ()) if place is not None else ()
        if kind is None or not isinstance(kind.node.value, list):
            plain: Literal["number", "boolean"] = (
                kind.read(choice("number", "boolean"), "number") if kind is not None else "number"
            )
            return Fact(pointer, plain)
        words = kind.read(texts, ())
        if not 0 < len(words) <= MOST_WORDS:
            kind.fault(f"a fact that is one of several words names 1 to {MOST_WORDS} of them")
        return Fact(pointer, "word", frozenset(words))


def pointer_of(node: Node) -> Pointer:
    """Read a JSON pointer that leads somewhere."""
    try:
        pointer = parse_pointer(text(node))
    except ValueError as error:
        raise Misread(str(error)) from None
    if not pointer:
        raise Misread("a fact is not the whole evidence: name a field, such as `/cart/units`")
    return pointer


def _safe_side(fields: Fields, space: AnswerSpace) -> str | Expression | None:
    at = fields.get("safe_side")
    if at is None:
        return None
    if isinstance(at.node.value, dict) and set(at.node.value) == {"expression"}:
        return _expression(at.entries()["expression"], space)
    return read_answer(at, space)


def _expression(at: Cursor, space: AnswerSpace) -> Expression | None:
    try:
        found = compile_over_evidence(at.read(text, '""'))
    except InvalidExpression as error:
        fault_of_expression(at, error, EVIDENCE_VARIABLES)
        return None
    if space != UNKNOWN and isinstance(at.node.value, str):
        _check_may_answer(at, found, space)
    return found


def _check_may_answer(at: Cursor, found: Expression, space: AnswerSpace) -> None:
    """An expression that gives no answer of the space would have every question refused."""
    kinds = _KINDS.get(type(space))
    if kinds is not None and found.kind not in (*kinds, "DYN"):
        at.fault(f"`{found.text}` is never an answer: it is of the kind {found.kind}, not {' or '.join(kinds)}")
    elif not found.reads and not isinstance(space, Candidates):
        try:
            keyed(space, found.value({}))
        except OutsideSpace as outside:
            at.fault(f"outside the answer space, whatever the evidence: {outside}")


def _evidence(at: Cursor) -> dict[str, Any]:
    schema = read_schema(at)
    kinds, place = schema.get("type", "object"), at.entry("type")
    if place is not None and "object" not in (kinds if isinstance(kinds, list) else [kinds]):
        place.slip("evidence is always an object, and none fits this: lists and texts are fields of it")
    return schema


def _show(fields: Fields, evidence: dict[str, Any] | None) -> tuple[str, ...]:
    at = fields.get("show")
    if at is None:
        return ()
    shown = at.read(texts, ())
    properties = (evidence or {}).get("properties")
    if isinstance(properties, dict) and not any(word in (evidence or {}) for word in _COMPOSED):
        for field in shown:
            if field not in properties:
                at.fault(f"the evidence has no field `{field}`", nearest(field, properties))
    return shown


def _amend(fields: Fields) -> frozenset[Amendment]:
    at = fields.get("amend")
    if at is None:
        return frozenset()
    reader: Callable[[Node], Amendment] = choice("truth", "late-vote", "operator")
    found = [item.read(reader, None) for item in at.items()]
    return frozenset(word for word in found if word is not None)
