"""The end of a run: what is printed, written, and returned as the exit status."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from adjudge_retail.demo.configuration import deciders_of
from adjudge_retail.demo.counting import Count
from adjudge_retail.demo.earning import WINDOW, Earning, Key, Turn, saving, votes_of_people
from adjudge_retail.demo.figures import Figures, Row, by_group, error_of, figures
from adjudge_retail.demo.release import Release, audits_until_suspended, error_when_mixed_up
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
    held_seconds: float = 0.0
    """So long the stream of events waited for people."""
    earning: Earning = field(default_factory=Earning)
    release: Release = field(default_factory=Release)

    def rows_of(self, key: Key) -> list[Row]:
        """Return the decisions of a slice, in the order asked."""
        return [row for row in self.rows if (row.type, row.group) == key]

    @property
    def keys(self) -> list[Key]:
        """Return the slices in which there is a model, those that are asked most first."""
        sources = sorted(self.script.setting.sources, key=lambda source: -source.weight)
        keys = [(source.type, group) for source in sources for group in self.script.setting.fleet.groups]
        return [key for key in keys if self.script.model_of(*key) is not None]

    @property
    def suspension(self) -> Turn | None:
        """How the slice that was made worse lost its certificate; None where it did not, or none was made worse."""
        key = self.release.key
        after = [] if key is None else [t for t in self.earning.of(key) if t.seconds >= self.release.seconds]
        return next((turn for turn in after if turn.what == "suspended"), None)

    @property
    def all(self) -> Figures:
        return figures(self.rows)

    @property
    def groups(self) -> dict[str, Figures]:
        return by_group(self.rows, self.script.setting.fleet.groups)

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
            "held_seconds": round(self.held_seconds, 2),
            "target": self.script.promise.target,
            "confidence": self.script.promise.confidence,
            "repeated": self.script.repeated,
            "groups": {group: of.as_json() for group, of in self.groups.items()},
            "automation": [self._slice(key) for key in self.keys],
            "made_worse": self._worse(),
            "failed": self.faults(),
        }

    def _slice(self, key: Key) -> dict[str, Any]:
        rows, turns, last = self.rows_of(key), self.earning.of(key), self.earning.slices.get(key)
        usual = votes_of_people(rows)
        automated = [row for row in rows if row.source == "model"]
        return {
            "type": key[0],
            "group": key[1],
            "decider": self.script.model_of(*key),
            "state": "none" if last is None else last.state,
            "reason": "" if last is None else last.reason,
            "certificate": None if last is None else last.certificate,
            "threshold": None if last is None or last.certificate is None else last.standing.get("threshold"),
            "audits": sum(row.audit_votes > 0 for row in rows),
            "automated": len(automated),
            "error_automated": _rounded(error_of(automated)),
            "error_automated_before": _rounded(error_of([row for row in automated if not row.mixed_up])),
            "votes_where_people_answer": _rounded(usual),
            "votes_saved": _rounded(saving(rows, usual).saved),
            "votes_saved_lately": _rounded(saving(rows[-WINDOW:], usual).saved),
            "turns": [
                {
                    "what": turn.what,
                    "seconds": round(turn.seconds, 1),
                    "audits": turn.audits,
                    "certificate": turn.certificate,
                    "threshold": turn.threshold,
                    "reason": turn.slice.reason,
                }
                for turn in turns
            ],
        }

    def _worse(self) -> dict[str, Any] | None:
        key, turn = self.release.key, self.suspension
        if key is None:
            return None
        after = [row for row in self.rows_of(key) if row.mixed_up and row.source == "model"]
        audited = [row for row in after if row.audit_votes]
        return {
            "type": key[0],
            "group": key[1],
            "seconds": round(self.release.seconds, 1),
            "after_questions": self.release.asked,
            "suspended_seconds": None if turn is None else round(turn.seconds, 1),
            "automated": len(after),
            "audited": len(audited),
            "wrong": sum(row.answer != row.truth for row in after),
            "stated_audits": stated_audits(self.script, key),
        }


def stated_audits(script: Script, key: Key) -> int:
    """Return within how many audited automated decisions a model that is handed other pictures is suspended."""
    model = script.model_of(*key)
    if model is None:
        return 0
    cases = [scene.case for scene in script.scenes if (scene.case.source.type, scene.case.store.group) == key]
    settings = deciders_of(script.setting.sources)[model]["settings"]
    return audits_until_suspended(error_when_mixed_up(cases, settings), script.promise.target)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def write_json(report: Report, path: Path) -> None:
    """Write the figures."""
    path.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write one line a decision, from which every figure can be computed again."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
