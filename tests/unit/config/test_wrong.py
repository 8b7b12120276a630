"""A corpus of wrong documents: each is refused, with the fault that its first line says, at its place.

The first line of a document: `# LINE PATH: MESSAGE`, the message in full or its beginning.
"""

import re
from pathlib import Path

import pytest
from tests.unit.config.documents import FaultsOf

FOLDER = Path(__file__).with_name("wrong")
DOCUMENTS = sorted(FOLDER.glob("*.yaml"))
EXPECTED = re.compile(r"# (\d+) ([^:]*): (.+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=[document.stem for document in DOCUMENTS])
def test_a_wrong_document_is_refused_with_its_fault(document: Path, faults_of: FaultsOf) -> None:
    text = document.read_text(encoding="utf-8")
    expected = EXPECTED.fullmatch(text.splitlines()[0])
    assert expected, "the first line says which fault is expected"

    faults = faults_of(text)

    found = [(fault.line, fault.path, str(fault).partition(f"{fault.path}: ")[2]) for fault in faults]
    at_place = [said for line, path, said in found if (line, path) == (int(expected[1]), expected[2])]
    assert any(said.startswith(expected[3]) for said in at_place), "\n".join(map(str, faults))


def test_the_corpus_is_not_lost() -> None:
    assert len(DOCUMENTS) >= 60
