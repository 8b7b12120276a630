"""A revision as a folder: written whole, or not at all."""

from pathlib import Path

import pytest

from adjudge.cli.folders import export


@pytest.mark.parametrize("name", ["../../evil.yaml", "", "a\0.yaml"])
def test_a_revision_that_would_be_written_outside_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    """Such a revision may have been published before its names were refused."""
    with pytest.raises(OSError, match="would be written outside"):
        export(tmp_path / "written", 7, "hash", {"config/claims.yaml": "types: {}", name: "types: {}"})

    assert not (tmp_path / "written").exists()
