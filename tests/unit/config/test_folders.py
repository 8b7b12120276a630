"""Reading the folder: names as people see them, bounds, and what is never silently left out."""

import time
from pathlib import Path

import pytest

from adjudge.config import InvalidConfiguration, base_of, read_folder, with_packs
from adjudge.config.folders import LARGEST_FILE


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_documents_are_named_relative_to_project_or_folder(tmp_path: Path) -> None:
    write(tmp_path / "config", claims="a: 1", groups__eu="b: 2")

    assert set(read_folder(tmp_path / "config", relative_to=tmp_path)) == {
        "config/claims.yaml",
        "config/groups/eu.yaml",
    }
    assert set(read_folder(tmp_path / "config")) == {"claims.yaml", "groups/eu.yaml"}


def test_the_base_is_the_working_folder_where_configuration_lies_in_it(tmp_path: Path) -> None:
    assert base_of(tmp_path / "config", tmp_path) == tmp_path
    assert base_of(tmp_path / "a" / "config", tmp_path) == tmp_path / "a" / "config"


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    """Kubernetes keeps the versions in hidden folders and links to the current one."""
    write(tmp_path, **{"..2026_03_07__claims": "a: 1"})
    (tmp_path / "..data").symlink_to("..2026_03_07")
    (tmp_path / "claims.yaml").symlink_to("..data/claims.yaml")

    assert read_folder(tmp_path) == {"claims.yaml": "a: 1"}


def test_a_file_of_the_other_ending_is_not_silently_left_out(tmp_path: Path) -> None:
    (tmp_path / "claims.yml").write_text("a: 1")

    with pytest.raises(InvalidConfiguration, match=r"claims\.yml: only \*\.yaml is read"):
        read_folder(tmp_path)


@pytest.mark.parametrize("folder", ["missing", "."])
def test_a_folder_without_documents_is_a_fault(folder: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"no folder with a \*\.yaml in it"):
        read_folder(tmp_path / folder)


def test_a_file_beyond_the_bound_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, big="#" * (LARGEST_FILE + 1))

    with pytest.raises(InvalidConfiguration, match=r"big\.yaml: too much to read"):
        read_folder(tmp_path)


def test_a_file_in_another_encoding_is_a_fault_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("types:\r\n  x:\r\n    title: Größe\n".encode("latin-1"))

    with pytest.raises(InvalidConfiguration, match=r"a\.yaml:3: not UTF-8"):
        read_folder(tmp_path)


def test_documents_of_a_named_pack_come_along(tmp_path: Path) -> None:
    write(tmp_path / "claims", types="types: {}")

    documents = with_packs({"own.yaml": "packs: [claims]"}, {"claims": tmp_path / "claims", "other": tmp_path})

    assert documents == {"own.yaml": "packs: [claims]", "pack:claims/types.yaml": "types: {}"}


def test_a_link_out_of_the_folder_is_refused_and_one_within_it_is_read(tmp_path: Path) -> None:
    """A mounted ConfigMap links to a hidden folder of its own."""
    (tmp_path / "outside.yaml").write_text("pools: {}")
    folder = tmp_path / "config"
    (folder / "..data").mkdir(parents=True)
    (folder / "..data" / "own.yaml").write_text("pools: {}")
    (folder / "own.yaml").symlink_to(folder / "..data" / "own.yaml")
    assert read_folder(folder) == {"own.yaml": "pools: {}"}

    (folder / "other.yaml").symlink_to(tmp_path / "outside.yaml")

    with pytest.raises(InvalidConfiguration, match=r"other\.yaml: a link that leads out of the folder"):
        read_folder(folder)


def test_fifty_megabytes_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    began = time.process_time()

    with pytest.raises(InvalidConfiguration, match="too much to read"):
        read_folder(tmp_path)

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("sub", "../other", "sub: a link to a folder is not followed"),
        ("self", ".", "self: a link to a folder is not followed"),
        ("link.yaml", "nowhere", "link.yaml: a link leads to no file"),
        ("loop.yaml", "loop.yaml", "loop.yaml: a link leads to no file"),
    ],
)
def test_a_link_that_is_not_read_is_not_silently_left_out(name: str, target: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, config__own="pools: {}", other__more="pools: {}")
    (tmp_path / "config" / name).symlink_to(target)

    with pytest.raises(InvalidConfiguration) as refused:
        read_folder(tmp_path / "config")

    assert str(refused.value.faults[0]).startswith(said)


def test_an_ending_in_capitals_is_not_silently_left_out(tmp_path: Path) -> None:
    write(tmp_path, own="pools: {}")
    (tmp_path / "x.YAML").write_text("pools: {}")

    with pytest.raises(InvalidConfiguration, match=r"x\.YAML: only \*\.yaml is read"):
        read_folder(tmp_path)
