"""A sound configuration to spoil, one thing at a time."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from tests.unit.config.documents import CLAIMS, Compile, FaultsOf

from adjudge.config import Configuration, Fault, InvalidConfiguration, compile_documents


@pytest.fixture
def compiled() -> Compile:
    """Compiles documents given by name, or a single text."""

    def compile_(text: str = "", **files: str) -> Configuration:
        documents = {f"{name}.yaml": dedent(content) for name, content in files.items()}
        return compile_documents(documents | ({"config/claims.yaml": text} if text else {}), base=Path("/project"))

    return compile_


@pytest.fixture
def faults_of(compiled: Compile) -> FaultsOf:
    """Returns the faults of documents that must be refused."""

    def faults(text: str = "", **files: str) -> tuple[Fault, ...]:
        with pytest.raises(InvalidConfiguration) as refused:
            compiled(text, **files)
        return refused.value.faults

    return faults


@pytest.fixture
def fault_of(faults_of: FaultsOf) -> Callable[[str, str], str]:
    """Returns the only fault after one replacement in the sound configuration."""

    def fault(sound: str, spoilt: str) -> str:
        assert sound in CLAIMS
        (found,) = faults_of(CLAIMS.replace(sound, spoilt))
        return str(found)

    return fault
