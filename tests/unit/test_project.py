"""What the distribution promises: its version, its contents, and that nothing of a builder's machine is in it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

from adjudge import __version__

ROOT = Path(__file__).parents[2]
ADR_FIELDS = ["# ", "Status: ", "Context: ", "Decision: ", "Instead of: ", "Costs: ", "Shown by: ", "Revisit when: "]
TEXT = {
    "",
    ".cfg",
    ".css",
    ".html",
    ".ini",
    ".json",
    ".jsonl",
    ".lock",
    ".mako",
    ".md",
    ".py",
    ".sh",
    ".svg",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}
OURS = [".ci", "benchmarks", "deploy", "docs", "src", "tests"]
"""Folders in the repository; others beside them are projects of whoever tries things out."""
# Written in pieces, because this file is searched too.
FOREIGN = [
    r"(?<![\w.])/" + r"(work|root|home/\w+)/",
    r"(?<![\w.])/tmp" + r"/(?!adjudge)",
    r"\bshared" + r"/\w+\.md",
    r"files\." + r"pythonhosted",
    r"pypi\." + r"org",
    r"registry\." + r"npmjs",
    r"--(extra-)?" + r"index-url \S",
    r"--" + r"find-links",
]


def test_the_version_is_the_newest_in_the_changelog():
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", text_of("CHANGELOG.md"), re.MULTILINE)

    assert newest
    assert newest[1] == pyproject()["project"]["version"] == __version__


def test_the_lock_has_every_dependency_as_declared_and_with_hashes():
    locked = dict(locked_entries())
    declared = [Requirement(text) for text in declared_dependencies()]

    assert [str(need) for need in declared if not need.specifier.contains(locked[name_of(need.name)].version)] == []
    assert all("--hash=sha256:" in entry.text for entry in locked.values())


def test_the_wheel_has_both_packages_and_all_their_data(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())

    assert source_files() <= packed
    assert "adjudge/py.typed" in packed
    assert {
        "adjudge/cli/templates/questions.jsonl.template",
        "adjudge_retail/examples/stores-zielony.yaml",
        "adjudge_retail/tables/grocery/labels.csv",
    } <= packed


def test_the_wheel_declares_the_command_and_the_pack(wheel):
    with zipfile.ZipFile(wheel) as archive:
        entry_points = archive.read(next(name for name in archive.namelist() if name.endswith("entry_points.txt")))

    assert b"adjudge = adjudge.cli:main" in entry_points
    assert b"[adjudge.packs]\nretail = adjudge_retail:pack" in entry_points


def test_bytecode_is_kept_by_all_that_make_runs():
    """In an environment that forbids it, each process of a test run would compile the whole of Adjudge anew."""
    makefile = "include Makefile\nsaid: ; @echo kept$$PYTHONDONTWRITEBYTECODE\n"

    ran = subprocess.run(
        ["make", "--no-print-directory", "-f", "-", "said"],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        input=makefile,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert ran.stdout == "kept\n"


def test_adjudge_works_without_the_retail_pack(tmp_path):
    """Everything can be imported, a project is made and tried out, and the demo says that there is none."""
    shutil.copytree(ROOT / "src" / "adjudge", tmp_path / "adjudge")
    modules = [name for name in module_names(tmp_path / "adjudge") if not name.endswith("__main__")]
    program = "\n".join(
        [
            "import importlib, os, sys",
            "class NoPack:",
            "    def find_spec(self, name, path=None, target=None):",
            "        if name.partition('.')[0] == 'adjudge_retail': raise ModuleNotFoundError(name)",
            "sys.meta_path.insert(0, NoPack())",
            f"sys.path.insert(0, {str(tmp_path)!r})",
            f"for name in {modules!r}: importlib.import_module(name)",
            f"assert sys.modules['adjudge'].__file__.startswith({str(tmp_path)!r})",
            "from adjudge.cli.root import run",
            "assert run(['init', 'claims']) == 0",
            "os.chdir('claims')",
            "assert run(['config', 'check']) == 0",
            "assert run(['try', 'questions.jsonl']) == 0",
            "assert run(['demo', '--exit', '--decisions', '5']) == 1",
        ]
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert ran.returncode == 0, ran.stderr
    assert "1  claim-risk@1: pay 0.99     accepted: pay" in ran.stdout
    assert "no installed pack has a demo" in ran.stderr


@pytest.mark.parametrize("pattern", FOREIGN)
def test_no_file_names_a_builders_machine_or_a_registry(pattern):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if re.search(pattern, line)
    ]

    assert found == []


def decision_records() -> list[Path]:
    return sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


@pytest.mark.parametrize("record", decision_records(), ids=lambda path: path.stem)
def test_a_decision_record_has_its_eight_lines_and_a_table(record):
    lines = record.read_text(encoding="utf-8").splitlines()

    assert all(line.startswith(field) for line, field in zip(lines, ADR_FIELDS, strict=False))
    assert all(len(line) > len(field) + 10 for line, field in zip(lines, ADR_FIELDS, strict=False))
    assert lines[0].startswith(f"# {record.name[:4]} ")
    assert lines[8] == ""
    assert any(line.startswith("| ---") for line in lines)


@pytest.mark.parametrize("record", decision_records(), ids=lambda path: path.stem)
def test_a_decision_record_names_proofs_that_exist_and_is_listed(record):
    proofs = record.read_text(encoding="utf-8").splitlines()[6].removeprefix("Shown by: ").rstrip(".").split(", ")

    assert [proof for proof in proofs if not (ROOT / proof).exists()] == []
    assert f"({record.name})" in text_of("docs/adr/README.md")


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_resolve(document):
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(document))

    assert [link for link in links if not resolves(document, link)] == []


def resolves(document: Path, link: str) -> bool:
    if link.startswith(("https://", "http://", "mailto:")):
        return True
    file, _, anchor = link.partition("#")
    target = document.parent / file if file else document
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_code(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(document: Path) -> str:
    return re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the locked back end, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return next(folder.glob("*.whl"))


def source_files() -> set[str]:
    found = (path for path in (ROOT / "src").rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT / "src")) for path in found if not is_leftover(path)}


def module_names(package: Path) -> Iterator[str]:
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if all(part.isidentifier() for part in parts) and not {"versions", "env", "templates"} & set(parts):
            yield ".".join(parts).removesuffix(".__init__")


def text_files() -> Iterator[Path]:
    folders = (ROOT / name for name in OURS)
    for path in [*ROOT.iterdir(), *(path for folder in folders for path in folder.rglob("*"))]:
        if path.is_file() and path.suffix in TEXT and not is_leftover(path):
            yield path


def is_leftover(path: Path) -> bool:
    return (
        "__pycache__" in path.parts
        or path.suffix == ".pyc"
        or bool({"build", "dist", "node_modules"} & set(path.parts))
    )


def declared_dependencies() -> list[str]:
    declared = pyproject()
    return [
        *declared["project"]["dependencies"],
        *declared["project"]["optional-dependencies"]["embedded"],
        *declared["dependency-groups"]["dev"],
        *declared["build-system"]["requires"],
    ]


class Locked(NamedTuple):
    version: str
    text: str


def locked_entries() -> Iterator[tuple[str, Locked]]:
    for text in re.split(r"\n(?=[a-z0-9])", text_of("requirements.lock"))[1:]:
        version = text.partition("==")[2].split()[0]
        yield name_of(text), Locked(version, text)


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def pyproject() -> dict:
    return tomllib.loads(text_of("pyproject.toml"))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
