"""What pages of reports share: their style, and charts that need nothing from anywhere."""

from importlib.resources import files
from typing import Final

PACKAGE: Final = "adjudge.automation.backtesting"


def style() -> str:
    """Return the rules for a style element."""
    return _text("style.css")


def charts() -> str:
    """Return the functions for a script element: `chart`, `make`, `draw`, `percent`, `colour`."""
    return _text("charts.js")


def _text(name: str) -> str:
    return files(PACKAGE).joinpath(name).read_text(encoding="utf-8")
