"""The first hour, block by block as the page has it: a wheel, an empty environment, an empty folder.

What is printed is compared in shape: figures, ids and times vary, and `…` is whatever was cut.
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distribution, distributions, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "first_hour.md"
DONE = "~done~"
SITE = "import sysconfig; print(sysconfig.get_path('purelib'))"

pytestmark = pytest.mark.timeout(600)


@dataclass
class Step:
    """A command and what the page shows after it."""

    command: str
    shown: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The `bin` folder of an environment with our wheel in it, and what that declares, as it is installed here."""
    folder = tmp_path_factory.mktemp("environment")
    python = environment_in(folder / "venv")
    install(python, "--no-deps", build(folder / "wheel"))
    bring_dependencies("adjudge[embedded]", Path(execute(python, "-c", SITE).strip()))
    return python.parent


@pytest.mark.soak
def test_pip_finds_all_that_the_wheel_declares(tmp_path):
    """From an index, into an environment with nothing else in it."""
    python = environment_in(tmp_path / "venv")
    install(python, f"adjudge[embedded] @ file://{build(tmp_path / 'wheel')}")

    assert execute(python.parent / "adjudge", "--version") == f"adjudge {version('adjudge')}\n"
    execute(python.parent / "adjudge", "init", "claims", cwd=tmp_path)
    assert execute(python.parent / "adjudge", "config", "check", cwd=tmp_path / "claims").startswith("no fault: ")


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def environment(installed, port) -> dict[str, str]:
    """What a newcomer's shell has: no address, no key, no database."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PATH": f"{installed}:{kept['PATH']}", "ADJUDGE_PORT": str(port), "PYTHONUNBUFFERED": "1"}


def test_the_first_hour_goes_as_the_page_says(environment, port, tmp_path):
    """`first_hour.md` is the promise; its names, shapes and order are run here."""
    blocks = sections(PAGE.read_text().replace("8400", str(port)))
    with shell(environment, tmp_path) as newcomer:
        project = blocks["Your own question and model, no retail, no server yet"]
        up = project.pop()
        play(newcomer, project)
        assert up.command.startswith("adjudge up")
        with running(up, environment, tmp_path / "claims"):
            play(newcomer, blocks["curl"])
            play(newcomer, blocks["People"], by_hand={"adjudge review": "2"})
            run_python(blocks["Python"][0], environment, tmp_path / "claims")
            decision = json.loads(newcomer.run("adjudge decisions ls --source reviewer --limit 3 --json"))[-1]["id"]
            assert_path_reads_as_promised(newcomer.run(f"adjudge decisions show {decision}"))
            take_away(newcomer, blocks["Take it away, put it to work"], tmp_path / "claims")


def test_the_example_of_120_stores_is_in_the_wheel_and_without_fault(environment, installed, tmp_path):
    """Outside the clone, its deciders importable as it ships."""
    where = "import adjudge_retail; print(adjudge_retail.EXAMPLES)"

    def printed(*command: object) -> str:
        return subprocess.check_output(command, env=environment, cwd=tmp_path, text=True, timeout=60)

    examples = printed(installed / "python", "-c", where).strip()
    checked = printed(installed / "adjudge", "config", "check", "--folder", examples)

    assert installed.parent in Path(examples).parents
    assert checked.startswith("no fault: ")
    assert ", 120 locations\n" in checked


# What is run


class Shell:
    """One bash for the whole page, as `cd`, functions and variables last."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.status = 0

    def run(self, command: str) -> str:
        """Return what a command prints, errors after all else."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\nprintf '\\n{DONE} %s\\n' $?\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line.startswith(DONE):
                self.status = int(line.split()[1])
                return "".join(printed).rstrip("\n")
            printed.append(line)
        raise AssertionError(f"the shell ended in {command}: {''.join(printed)}")

    def type(self, command: str, keys: str) -> str:
        """Run a command on a terminal and type `keys`, one at each prompt, then Ctrl-C; return what was on it."""
        where, environment = (
            self.run("pwd"),
            dict(pair.split("=", 1) for pair in self.run("env -0").split("\0") if pair),
        )
        return at_terminal(command, keys, where, environment)


def play(newcomer: Shell, steps: list[Step], by_hand: dict[str, str] | None = None) -> None:
    """Run each step, and compare what it prints with what the page shows."""
    for step in steps:
        keys = next((keys for start, keys in (by_hand or {}).items() if step.command.startswith(start)), None)
        printed = newcomer.run(step.command) if keys is None else newcomer.type(step.command, keys)
        assert newcomer.status == 0, f"{step.command}: {printed}"
        compare(step, printed)


@contextmanager
def shell(environment: dict[str, str], folder: Path) -> Iterator[Shell]:
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=environment,
    )
    try:
        yield Shell(process)
    finally:
        process.kill()
        process.communicate(timeout=10)


@contextmanager
def running(up: Step, environment: dict[str, str], folder: Path) -> Iterator[None]:
    """The second terminal; Ctrl-C stops all."""
    process = subprocess.Popen(
        up.command.split("#")[0].split(), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        compare(up, process.stdout.readline().rstrip())
        yield
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=60)
    assert status == 0


def at_terminal(command: str, keys: str, where: str, environment: dict[str, str]) -> str:
    person, program = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", command], cwd=where, env=environment, stdin=program, stdout=program, stderr=program
    )
    os.close(program)
    seen, prompts, ends = "", 0, time.monotonic() + 60
    try:
        while process.poll() is None and time.monotonic() < ends:
            if select.select([person], [], [], 0.2)[0]:
                seen += os.read(person, 4096).decode()
            if seen.count(" > ") > prompts and prompts < len(keys):
                os.write(person, keys[prompts].encode())
                prompts += 1
            elif prompts == len(keys) and "nothing to review" in seen:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)
    except OSError:  # Linux says so when the program has closed its end
        process.wait(timeout=30)
    finally:
        process.kill()
        os.close(person)
    assert process.returncode == 0, seen
    return seen.replace("\r\n", "\n")


def run_python(step: Step, environment: dict[str, str], folder: Path) -> None:
    """Run the page's program while anna is at work: it waits for her."""
    anna = subprocess.Popen(
        ["adjudge", "review", "--as", "anna"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        executable=shutil.which("adjudge", path=environment["PATH"]),
    )
    assert anna.stdin is not None
    anna.stdin.write("1\n")
    anna.stdin.flush()
    try:
        python = shutil.which("python", path=environment["PATH"])
        printed = execute(python, "-", cwd=folder, env=environment, input=step.command)
    finally:
        anna.communicate(timeout=60)
    outcome, event = printed.splitlines()
    assert outcome == "final ('pay', 'reviewer', '1 of 1 agree')"
    assert re.fullmatch(r"[\w-]{20,} [0-9a-f-]{36} 1", event), event


def take_away(newcomer: Shell, steps: list[Step], project: Path) -> None:
    """Export the record; run the commands of a larger installation against the servers that are there."""
    servers = json.loads((project / ".adjudge" / "stack.json").read_text())
    export, prepare, api = steps
    assert newcomer.run(export.command).startswith("week: ")
    assert newcomer.status == 0
    assert set(newcomer.run("ls week").split()) >= {"answers.csv.gz", "items.csv.gz", "labels.csv", "scores"}

    command = prepare.command.replace("DATABASE_URL=…", f"DATABASE_URL='{servers['database_url']}'")
    printed = newcomer.run(command.replace("REDIS_URL=…", f"REDIS_URL='{servers['redis_url']}'"))
    assert newcomer.status == 0, printed
    assert "adj_" in printed

    assert api.command.startswith("adjudge api")
    port = free_port()
    newcomer.run(f"ADJUDGE_PORT={port} adjudge api >api.log 2>&1 & API=$!")
    probe = f"curl -sf --retry 60 --retry-delay 1 --retry-all-errors -m 60 http://127.0.0.1:{port}/readyz"
    ready = newcomer.run(f"{probe}; kill $API; wait $API")
    assert '"status":"ready"' in ready, newcomer.run("cat api.log")


def environment_in(folder: Path) -> Path:
    """Make an empty environment; return its Python."""
    execute(sys.executable, "-m", "venv", "--without-pip", folder)
    return folder / "bin" / "python"


def install(python: Path, *what: object) -> None:
    execute(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-compile", *what)


def bring_dependencies(wanted: str, site: Path) -> None:
    """Put beside our wheel what it declares, and what that declares, from the environment of the tests: no network."""
    waiting, brought = [Requirement(wanted)], set[tuple[str, str]]()
    while waiting:
        need = waiting.pop()
        for extra in need.extras or {""}:
            if (need.name, extra) in brought:
                continue
            brought.add((need.name, extra))
            found = next(iter(distributions(name=need.name, path=[str(site)])), None) or distribution(need.name)
            if Path(str(found.locate_file(""))) != site:
                link_files(found, site)
            declared = [Requirement(text) for text in found.requires or ()]
            waiting += [each for each in declared if each.marker is None or each.marker.evaluate({"extra": extra})]


def link_files(found: Distribution, site: Path) -> None:
    for file in found.files or ():
        target = site / file
        if ".." in file.parts or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(Path(str(file.locate())))
        except OSError:  # another file system
            shutil.copy2(file.locate(), target)


def build(folder: Path) -> Path:
    execute(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    (wheel,) = folder.glob("adjudge-*.whl")
    return wheel


def execute(*command: object, **settings: Any) -> str:
    ended = subprocess.run(
        [str(part) for part in command],
        check=False,
        text=True,
        timeout=300,
        capture_output=True,
        **settings,
    )
    assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
    return ended.stdout


# What is compared


def sections(page: str) -> dict[str, list[Step]]:
    """Return the steps of each section of the page: `$` commands with what follows them, or a program."""
    found: dict[str, list[Step]] = {}
    for section in page.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        for language, block in re.findall(r"```(\w*)\n(.*?)```", body, re.DOTALL):
            steps = found.setdefault(title, [])
            steps.extend([Step(block)] if language == "python" else commands(block))
    return found


def commands(block: str) -> list[Step]:
    steps: list[Step] = []
    is_continued = False
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append(Step(line[2:]))
        elif is_continued:
            steps[-1].command += f"\n{line}"
        else:
            steps[-1].shown.append(line)
        is_continued = (line.startswith("$ ") or is_continued) and line.endswith("\\")
    return steps


def compare(step: Step, printed: str) -> None:
    shown = "\n".join(step.shown)
    if "HTTP/1.1" in shown:
        compare_http(shown, printed)
    elif shown:
        compare_lines(step, [line for line in printed.splitlines() if line.strip()])


def compare_lines(step: Step, printed: list[str]) -> None:
    if step.command.startswith("adjudge review "):
        printed = [line for line in printed if not line.startswith("nothing to review")]  # after the last task
    assert len(printed) == len(step.shown), f"{step.command}: {printed}"
    for promised, line in zip(step.shown, printed, strict=True):
        assert re.fullmatch(shape(promised), line), f"promised: {promised}\nprinted:  {line}"


def shape(line: str) -> str:
    """Return the pattern of a promised line: spaces and figures vary, everything else stands."""
    pattern = ""
    for word in re.split(r"(\s+|\d+(?:[.:]\d+)*(?: s)?|–|…)", line.rstrip()):
        if re.fullmatch(r"\d+(?:[.:]\d+)*(?: s)?|–", word):
            pattern += r"(?:\d+(?:[.:]\d+)*(?: (?:s|min))?|–)"
        elif word == "…":
            pattern += ".*"
        else:
            pattern += r"\s+" if word.isspace() else re.escape(word)
    return pattern


def compare_http(shown: str, printed: str) -> None:
    promised, printed_status = shown.split()[1], printed.split()[1]
    assert printed_status == promised, printed
    head, _, body = printed.replace("\r\n", "\n").partition("\n\n")
    if "# Location:" in shown:
        assert re.search(r"^location: /v1/decisions/", head, re.MULTILINE | re.IGNORECASE)
    compare_json(json.loads(shown[shown.index("{") :].replace(",…}", "}").replace("\n ", "")), json.loads(body))


def compare_json(promised: Any, actual: Any) -> None:
    """Every promised member is there, in kind and, where nothing was cut, in value; answers keep their order."""
    if isinstance(promised, dict):
        assert isinstance(actual, dict), actual
        assert set(promised) <= set(actual), actual
        for name, value in promised.items():
            compare_json(value, actual[name])
    elif isinstance(promised, list):
        assert len(promised) == len(actual), actual
        for one, other in zip(promised, actual, strict=True):
            compare_json(one, other)
    elif isinstance(promised, str):
        assert re.fullmatch(re.escape(promised).replace("…", ".+"), actual), f"{promised} against {actual}"
    else:
        assert promised == actual


def assert_path_reads_as_promised(printed: str) -> None:
    (section,) = [steps for title, steps in sections(PAGE.read_text()).items() if title.startswith("See it")]
    assert section[-1].command.startswith("adjudge decisions show")
    promised, lines = section[-1].shown, printed.splitlines()
    first, model, deferred, person, settled = lines
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}  asked {9}claim\.pay at default.*; revision 1, plan claims", first)
    for line, like in ((model, promised[1]), (person, promised[3]), (settled, promised[5])):
        assert re.fullmatch(layout(like), line), f"promised: {like}\nprinted:  {line}"
    assert "deferred      0.80 is under 0.95 (set by hand, config/claims.yaml:10)" in deferred


def layout(line: str) -> str:
    """Return the pattern of a line of a path: its columns stand where they stood."""
    total = " in all" if line.endswith(" in all") else ""
    return rf"\d\d:\d\d:\d\d\.\d{{3}}  .{{60}} *[\d.]+ (?:ms|s) +\d+\.\d+ USD{total}"
