"""A fleet of locations, as configuration; run as a module, a process that has compiled one and says what it holds.

python -m load.fleets LOCATIONS TYPES
"""

import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from adjudge.config import Configuration, compile_documents

FORMATS: Final = ("kiosk", "convenience", "stadium", "airport", "campus", "grocery")
REGIONS: Final = ("America/New_York", "America/Los_Angeles", "Europe/London", "Europe/Warsaw")


def fleet(locations: int, types: int) -> dict[str, str]:
    """Return the documents of a fleet."""
    kinds = range(types)
    plans = [_plan(number, 0.95) for number in kinds]
    organisation = [
        "organisation: {name: fleet, currency: USD, merge_order: [chain, region, format]}",
        'deciders: {m@1: {python: "models:m"}, n@1: {python: "models:n"}}',
        "pools: {shelf: {wage: 12 USD/h}, experts: {}}",
        "types:",
        *(f"  t{number}: {{answers: [a, b, c], deadline: 3m, safe_side: b}}" for number in kinds),
        "plans:",
        *plans,
        "  people: {stages: [{ask: shelf, timeout: 2m}], fallback: safe_side}",
        "routes:",
        "  - {type: '*', plan: people, when: '\"new\" in tags'}",
        *(f"  - {{type: t{number}, plan: p{number}}}" for number in kinds),
    ]
    groups = ["groups:"]
    groups += [f"  chain-{number}: {{dimension: chain, attributes: {{owner: {number}}}}}" for number in range(3)]
    groups += [f"  region-{n}: {{dimension: region, time_zone: {zone}}}" for n, zone in enumerate(REGIONS)]
    for number, name in enumerate(FORMATS):
        groups += [f"  {name}:", "    dimension: format", "    plans:"]
        groups += [f"    {_plan(kind, 0.96 + number / 1000)}".replace("\n", "\n    ") for kind in kinds]
        if name == "campus":
            groups += ["    schedules: {lunch: {hours: {mon-fri: 11:30-13:30}, plans: {p0: {late: ask}}}}"]
    stores = ["locations:", *(_store(number) for number in range(locations))]
    texts = {"organisation": organisation, "groups": groups, "stores": stores}
    return {f"{name}.yaml": "\n".join(lines) for name, lines in texts.items()}


def _plan(number: int, threshold: float) -> str:
    accept = f"{{by_hand: 'confidence >= {threshold} && stake < {number + 1}0.5'}}"
    return (
        f"  p{number}:\n    stages:\n      - {{ask: [m@1, n@1], combine: agree, accept: {accept}}}\n"
        "      - {ask: shelf, votes: {min: 2, max: 3}, combine: majority, timeout: 1m}\n"
        "    fallback: {escalate: experts, timeout: 1m, then: safe_side}"
    )


def _store(number: int) -> str:
    groups = f"chain-{number % 3}, region-{number % 4}, {FORMATS[number % 6]}"
    tags = "tags: [new], " if number % 50 == 0 else ""
    return f"  store-{number:05}: {{groups: [{groups}], {tags}attributes: {{size: {number}}}}}"


def compiled(documents: Mapping[str, str]) -> Configuration:
    return compile_documents(documents, base=Path("/fleet"))


def hold(locations: int, types: int) -> None:
    """Compile a fleet and print the private memory of this process, in MiB."""
    configuration = compiled(fleet(locations, types))
    gc.collect()
    pages = Path("/proc/self/smaps_rollup").read_text()
    private = sum(int(line.split()[1]) for line in pages.splitlines() if line.startswith("Private_"))
    print(private / 1024, flush=True)
    assert len(configuration.sites) == locations


if __name__ == "__main__":
    hold(int(sys.argv[1]), int(sys.argv[2]))
