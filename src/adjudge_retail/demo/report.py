"""The end of a run: what is printed, written, and returned as the exit status."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from adjudge_retail.demo.counting import Count
from adjudge_retail.demo.figures import Figures, Row, by_group, figures
from adjudge_retail.demo.script import Script

MOST_FALLBACKS: Final = 0.01
"""Share of the decisions that may end in a fallback; the script gives no cause for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is known at the end."""

    script: Script
    rows: Sequence[Row]
    count: Count
    refused: dict[str, str]
    seconds: float
    """From the first question to the last outcome."""
    latest_seconds: float
    """By how much the demo itself asked later than it should have, at worst."""

    @property
    def all(self) -> Figures:
        return figures(self.rows)

    @property
    def groups(self) -> dict[str, Figures]:
        return by_group(self.rows)

    def faults(self) -> list[str]:
        """Return why the demo has failed; empty when it has not."""
        count, share = self.count, self.all.fallback_share
        example = next(iter(self.refused.values()), "")
        found = {
            f"{count.lost} accepted decisions have no final outcome": count.lost,
            f"{count.settled_twice} decisions were settled twice": count.settled_twice,
            f"{count.not_in_ledger} decisions were made that the demo was not told of": count.not_in_ledger,
            f"{len(self.refused)} questions were not accepted, as: {example}": len(self.refused),
            f"{share:.1%} were settled by fallback, and the script gives no cause": share > MOST_FALLBACKS,
        }
        return [fault for fault, is_there in found.items() if is_there]

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` writes."""
        return {
            **self.all.as_json(),
            "decisions": self.count.accepted,
            "settled": self.count.settled,
            "lost": self.count.lost,
            "settled_twice": self.count.settled_twice,
            "refused": len(self.refused),
            "seconds": round(self.seconds, 2),
            "latest_seconds": round(self.latest_seconds, 3),
            "speed": self.script.speed,
            "seed": self.script.seed,
            "groups": {group: of.as_json() for group, of in self.groups.items()},
            "failed": self.faults(),
        }


def write_json(report: Report, path: Path) -> None:
    """Write the figures."""
    path.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write one line a decision, from which every figure can be computed again."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
