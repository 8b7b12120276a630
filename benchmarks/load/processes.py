"""What processes cost, as Linux tells it: CPU time, memory, and who is whose child."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
ROLES: Final = ("up", "api", "worker", "keeper")
SERVERS: Final = ("PostgreSQL", "Valkey")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def role_of(command: str) -> str | None:
    """Return what a process below `adjudge up` is: a role, one of a server's processes, or a guard: None."""
    if "guard.py" in command:
        return None
    for role in ROLES:
        if f"-m adjudge {role}" in command:
            return role
    return "PostgreSQL" if "postgres" in command else "Valkey" if "valkey-server" in command else None


def by_role(pid: int, figure: Callable[[int], float]) -> dict[str, float]:
    """Return the sum of a figure of the processes below `adjudge up`, by role and server."""
    found = dict.fromkeys((*ROLES, *SERVERS), 0.0)
    for each, command in descendants(pid).items():
        name = role_of(command)
        if name is not None:
            with suppress(OSError):  # it has ended meanwhile
                found[name] += figure(each)
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time used so far: in nanoseconds where the kernel counts them, else in ticks of 10 ms."""
    try:
        return int((PROC / str(pid) / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int) -> float:
    """Return the proportional set size: private memory and a fair share of what is shared."""
    lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def descendants(pid: int) -> dict[int, str]:
    """Return the process and all below it, with their command lines."""
    parents = _parents()
    found, fresh = {pid}, {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return {each: line for each in sorted(found) if (line := _command(each))}


def _parents() -> dict[int, int]:
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended meanwhile
    return found


def _command(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
