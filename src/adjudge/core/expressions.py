"""Expressions in CEL over what is known of a decision: type-checked when read, total when run.

Whatever cannot be evaluated does not hold: doubt defers.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from cel_expr_python import cel

from adjudge.core.trees import Tree, tree_of

LONGEST: Final = 1_000
STAKES: Final = "stakes"
"""The variable behind `stake_in`."""

VARIABLES: Final[Mapping[str, Any]] = {
    "confidence": cel.Type.DOUBLE,
    "margin": cel.Type.DOUBLE,
    "answer": cel.Type.STRING,
    "votes": cel.Type.INT,
    "agreeing": cel.Type.INT,
    "stake": cel.Type.DOUBLE,
    "question_type": cel.Type.STRING,
    "location": cel.Type.STRING,
    "attributes": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "opinions": cel.Type.List(cel.Type.Map(cel.Type.STRING, cel.Type.DYN)),
    STAKES: cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE),
}
"""What `accept` may read. A question without a stake counts as having an infinite one: unknown may be much."""

RULE_VARIABLES: Final[Mapping[str, Any]] = {
    "evidence": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "candidates": cel.Type.List(cel.Type.STRING),
    "attributes": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "subject": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    "question_type": cel.Type.STRING,
    "location": cel.Type.STRING,
}
"""What a rule may read."""

ROUTE_VARIABLES: Final[Mapping[str, Any]] = {
    "location": cel.Type.STRING,
    "question_type": cel.Type.STRING,
    "groups": cel.Type.List(cel.Type.STRING),
    "tags": cel.Type.List(cel.Type.STRING),
    "currency": cel.Type.STRING,
    "attributes": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "open": cel.Type.BOOL,
    "hour": cel.Type.INT,
    "weekday": cel.Type.STRING,
    "date": cel.Type.STRING,
    "stake": cel.Type.DOUBLE,
    STAKES: cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE),
    "over_stake_limit": cel.Type.BOOL,
    "subject": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
}
"""What a route may read, beside the facts that types declare. Times are on the location's clock."""

EVIDENCE_VARIABLES: Final[Mapping[str, Any]] = {
    name: RULE_VARIABLES[name] for name in ("evidence", "candidates", "attributes")
}
"""What the `safe_side` may read."""

_FACT_TYPES: Final[Mapping[str, Any]] = {
    "number": cel.Type.DOUBLE,
    "boolean": cel.Type.BOOL,
    "word": cel.Type.STRING,
}
FACT: Final = "facts_"
"""Facts are variables of their own, so that their types are checked: `facts.units` is read as `facts_units`."""

_FAILED = (cel.Type.ERROR, cel.Type.UNKNOWN)
_NAME = re.compile(r"[A-Za-z_]\w*")
_PLAIN = re.compile(r"\s*confidence\s*>=\s*(\d+(?:\.\d+)?)\s*")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_STATUS = re.compile(r"^[A-Z_]+: ")
_FACT = re.compile(r"(?<![\w.])facts\.(?=[A-Za-z_])")
_STAKE_IN = re.compile(r"""stake_in\(["']([A-Z]{3})["']\)""")


class InvalidExpression(ValueError):
    """The expression cannot be read, or its type is not what is needed."""


class Unevaluable(ValueError):
    """The expression has no value here: a field is missing, or of another kind; says which."""


class Expression:
    """A compiled expression. Equal when the text is."""

    __slots__ = ("_program", "currencies", "kind", "reads", "text", "threshold")

    def __init__(self, text: str, program: Any, variables: Collection[str]) -> None:
        self.text = text
        self._program = program
        self.kind: str = program.return_type().name()
        """Of its value, such as STRING; DYN: only evaluating can tell."""
        self.reads = frozenset(_NAME.findall(_looked_up(text))).intersection(variables)
        """Those of the variables that the text names: they must be given."""
        self.currencies = frozenset(_STAKE_IN.findall(text))
        """The currencies that `stake_in` names: configuration must have a rate for each."""
        plain = _PLAIN.fullmatch(text)
        self.threshold: float | None = float(plain[1]) if plain else None
        """The number in `confidence >= number`, where the expression is no more than that."""

    @property
    def tree(self) -> Tree:
        """The expression as a tree, in which `stake_in("USD")` is `stakes.USD`, and `facts.units` is `facts_units`."""
        return tree_of(self._program.serialize())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def value(self, values: Mapping[str, Any]) -> Any:
        """Evaluate; None where it cannot be evaluated."""
        result = self._result(values)
        return result.plain_value() if result is not None and result.type() not in _FAILED else None

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether it is true. An error is not: the library gives its text as a value."""
        if self.threshold is not None:  # as CEL would have it, at a tenth of the cost
            return bool(values["confidence"] >= self.threshold) if "confidence" in values else False
        result = self._result(values)
        return result is not None and result.plain_value() is True

    def evaluated(self, values: Mapping[str, Any]) -> Any:
        """Evaluate. Raises Unevaluable."""
        try:
            result = self._program.eval(data={name: values[name] for name in self.reads})
        except (RuntimeError, TypeError, ValueError) as error:  # RuntimeError: too many steps, too
            raise Unevaluable(_first_line(str(error))) from None
        if result.type() in _FAILED:
            raise Unevaluable(_first_line(str(result.plain_value())))
        return result.plain_value()

    def _result(self, values: Mapping[str, Any]) -> Any:
        try:
            return self._program.eval(data={name: values[name] for name in self.reads if name in values})
        except (RuntimeError, TypeError, ValueError):
            return None


def compile_condition(text: str) -> Expression:
    """Compile an `accept` expression. Raises InvalidExpression with the column of the fault."""
    expression, found = _compiled(text, VARIABLES)
    if found != cel.Type.BOOL:
        raise InvalidExpression(f"`{text}` is not a condition: it must be true or false")
    return expression


def compile_rule_condition(text: str) -> Expression:
    """Compile when a rule's case holds, over `RULE_VARIABLES`. Raises InvalidExpression."""
    expression, found = _compiled(text, RULE_VARIABLES)
    if found not in (cel.Type.BOOL, cel.Type.DYN):
        raise InvalidExpression(f"`{text}` is not a condition: it must be true or false")
    return expression


def compile_rule_answer(text: str) -> Expression:
    """Compile what a rule's case answers, over `RULE_VARIABLES`. Raises InvalidExpression."""
    return _compiled(text, RULE_VARIABLES)[0]


def compile_route_condition(text: str, facts: Mapping[str, str]) -> Expression:
    """Compile when a route is taken, over `ROUTE_VARIABLES` and facts by kind. Raises InvalidExpression."""
    variables = {**ROUTE_VARIABLES, **{f"{FACT}{name}": _FACT_TYPES[kind] for name, kind in facts.items()}}
    expression, found = _compiled(text, variables)
    if found != cel.Type.BOOL:
        raise InvalidExpression(f"`{text}` is not a condition: it must be true or false")
    return expression


def stand_in(text: str) -> Expression:
    """Return a stand-in for a route's condition that has a fault: one of which nothing is known."""
    found = compile_route_condition("open", {})
    found.text = text
    return found


def compile_over_evidence(text: str) -> Expression:
    """Compile an expression over `EVIDENCE_VARIABLES`. Raises InvalidExpression."""
    return _compiled(text, EVIDENCE_VARIABLES)[0]


def _compiled(text: str, variables: Mapping[str, Any]) -> tuple[Expression, Any]:
    if len(text) > LONGEST:
        raise InvalidExpression(f"an expression has at most {LONGEST} characters")
    try:
        program = cel.NewEnv(variables=dict(variables)).compile(_looked_up(text))
    except (RuntimeError, TypeError, ValueError) as error:
        raise InvalidExpression(_explained(text, str(error))) from None
    return Expression(text, program, variables), program.return_type()


def _looked_up(text: str) -> str:
    """Replace `stake_in("USD")` and `facts.units` by look-ups of equal length, so that columns in faults stay true.

    The library's own functions cannot see the decision they are called for.
    """
    return _FACT.sub(FACT, _STAKE_IN.sub(lambda call: f'stakes["{call[1]}"]'.ljust(len(call[0])), text))


def _explained(text: str, message: str) -> str:
    place = _PLACE.search(message)
    if place is None:
        return f"`{text}`: {message.splitlines()[0] if message else 'cannot be read'}"
    detail = place[3].replace(" (in container '')", "").replace(FACT, "facts.")
    line = f"line {place[1]}, " if place[1] != "1" else ""
    return f"`{text}`, {line}column {place[2]}: {detail}{_hint(text, detail)}"


def _hint(text: str, detail: str) -> str:
    if "(double, int)" in detail:
        return "; write whole numbers of this type with a point, as in 1.0"
    if "(string, int)" in detail and "weekday" in text:
        return '; `weekday` is a word: "mon", "tue", … "sun"'
    return ""


def _first_line(message: str) -> str:
    """Return what went wrong, without the library's own code before it."""
    return _STATUS.sub("", message.partition("\n")[0]) or "it cannot be evaluated"
