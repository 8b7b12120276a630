"""The report as one self-contained page: figures, curves and the arithmetic of what it is worth."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any, Final

import msgspec

from adjudge.automation.backtesting import parts
from adjudge.automation.backtesting.curves import Curve
from adjudge.automation.backtesting.returns import today_of
from adjudge.automation.backtesting.running import Request
from adjudge.automation.backtesting.scoring import BASELINE, Figures
from adjudge.automation.backtesting.sets import LabelledSet

TEMPLATE: Final = "page.html"


def page(
    data: LabelledSet, request: Request, rows: Sequence[Figures], curves: Sequence[Curve], assumed: Any, name: str
) -> str:
    """Return the page. `assumed`: prices and volume by name, which the reader may change on it."""
    terms = request.terms
    baseline = next((row for row in rows if row.name == BASELINE), None)
    facts = {
        "policies": rows,
        "curves": curves,
        "assumed": msgspec.to_builtins(assumed) | {"vote": terms.prices.vote, "wrong": terms.prices.wrong},
        "target": terms.target,
        "confidence": 1 - terms.delta,
        "people": None if baseline is None else {"accuracy": baseline.accuracy},
        "today": today_of(data, request),
        "decider": request.decider,
    }
    # Inside a script element only "<" could end it; in JSON it stands in strings alone.
    encoded = msgspec.json.encode(facts).decode().replace("<", "\\u003c")
    about = (
        f"{len(data):,} items, {len(data.labels)} labels, {_counted(len(data.scores), 'model')}, "
        f"{'people' if data.has_people else 'no people'}; {_counted(request.repeats, 'random half', 'random halves')}; "
        f"target risk {terms.target:.3g}, confidence {1 - terms.delta:.3g}"
    )
    template = files("adjudge.automation.backtesting").joinpath(TEMPLATE).read_text(encoding="utf-8")
    dressed = template.replace("{{style}}", parts.style()).replace("{{charts}}", parts.charts())
    return dressed.replace("{{name}}", escape(name)).replace("{{about}}", escape(about)).replace("{{facts}}", encoded)


def _counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"
