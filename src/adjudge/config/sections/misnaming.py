"""Faults of names in expressions: which name was probably meant, or where the name can be read."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.faults import nearest
from adjudge.core.expressions import (
    EVIDENCE_VARIABLES,
    ROUTE_VARIABLES,
    RULE_VARIABLES,
    STAKES,
    VARIABLES,
    InvalidExpression,
)

_UNKNOWN: Final = re.compile(r"undeclared reference to '(\w+(?:\.\w+)?)'")
_READ_IN: Final[Mapping[str, Collection[str]]] = {
    "`by_hand`": VARIABLES,
    "rules": RULE_VARIABLES,
    "`when` of routes": ROUTE_VARIABLES,
    "`safe_side`": EVIDENCE_VARIABLES,
}
_FUNCTIONS: Final = (
    "all", "contains", "duration", "endsWith", "exists", "exists_one", "filter", "has", "int", "double", "map",
    "matches", "size", "startsWith", "string", "timestamp", "type",
)  # fmt: skip
_STAKE_IN: Final = "stake_in"


def fault_of_expression(at: Cursor, error: InvalidExpression, valid: Collection[str]) -> None:
    """Note why an expression cannot be read. `valid`: the variables that it may read, `facts.NAME` among them."""
    unknown = _UNKNOWN.search(str(error))
    if unknown is None:
        at.fault(str(error))
        return
    said = unknown[1]
    name = said.partition(".")[0]
    if name == _STAKE_IN and STAKES in valid:
        at.fault(f'{error}; it takes a currency, as in `stake_in("USD")`')
    elif re.search(rf"\b{re.escape(said)}\s*\(", at.node.text):
        functions = [*_FUNCTIONS, *([_STAKE_IN] if STAKES in valid else [])]
        at.fault(str(error), nearest(said, functions))
    elif places := [place for place, variables in _READ_IN.items() if name in variables and name not in valid]:
        at.fault(f"{error}; `{name}` can be read in {' and '.join(places)}, not here")
    else:
        names = [each for each in valid if each != STAKES]
        at.fault(str(error), nearest(said, names) or nearest(name, names))
