"""References to files: only what lies below the configuration's folder is served, and nothing hidden."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from tests.unit.config.documents import CLAIMS

from adjudge.api.media import Lease, Media, check_references, references
from adjudge.api.problems import Problem
from adjudge.config import Configuration, compile_documents

LEASE = Lease(task=UUID(int=1), token=UUID(int=2), until=datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    for name in ("config/media/shelf.png", "config/media/.keys/api.json", "config/media/.env", "config/.keys/api.json"):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "shelf.png").write_text("content")
    return project


def configuration(project: Path, *, folder: str = "media", document: str = "config/claims.yaml") -> Configuration:
    text = f"organisation: {{resolvers: {{shop: {{folder: {folder}}}}}}}\n{CLAIMS}"
    return compile_documents({document: text}, base=project)


def opens(configuration: Configuration, uri: str) -> bool:
    [medium] = Media(b"key").resolve([{"uri": uri}], configuration, LEASE)
    return medium["url"] is not None


def test_a_file_of_the_folder_is_opened(project: Path) -> None:
    assert opens(configuration(project), "shop://shelf.png")


@pytest.mark.parametrize("name", [".env", ".keys/api.json", "x/../.env", "%2eenv"])
def test_nothing_hidden_is_opened(project: Path, name: str) -> None:
    assert not opens(configuration(project), f"shop://{name}")


def test_a_link_to_something_hidden_is_not_opened(project: Path) -> None:
    (project / "config/media/shown").symlink_to(project / "config/media/.keys")
    (project / "config/media/.hidden").symlink_to(project / "config/media/shelf.png")

    assert not opens(configuration(project), "shop://shown/api.json")
    assert not opens(configuration(project), "shop://.hidden")


def test_a_folder_that_is_a_link_out_of_the_configuration_is_not_opened(project: Path) -> None:
    (project / "config/linked").symlink_to(project.parent / "outside")

    assert not opens(configuration(project, folder="linked"), "shop://shelf.png")


def test_a_document_whose_name_leads_out_of_the_folder_opens_nothing(project: Path) -> None:
    """Such a revision may have been published before its name was refused."""
    published = configuration(project, folder="outside", document="../claims.yaml")

    assert not opens(published, "shop://shelf.png")


def test_a_published_document_without_a_folder_beside_it_opens_what_lies_below_the_configuration(project: Path) -> None:
    assert opens(configuration(project, folder="media", document="config/remote.yaml"), "shop://shelf.png")
    assert not opens(configuration(project, folder="media", document="nowhere/remote.yaml"), "shop://shelf.png")


@pytest.mark.parametrize("own", ["print", 5, {}, None, ["print", "film"], [{}] * 17, [{}, "print"]])
def test_a_field_that_only_has_the_name_is_no_media_and_stays_evidence(own: object) -> None:
    assert references({"media": own}) is None


def test_a_list_of_objects_is_media() -> None:
    assert references({"media": [{"uri": "shop://a"}]}) == [{"uri": "shop://a"}]
    assert references({"media": []}) == []


@pytest.mark.parametrize(
    ("media", "pointer"),
    [([{"uri": "shop://a"}] * 17, "#/evidence/media"), ([{"uri": "shop://a"}, "print"], "#/evidence/media/1")],
)
def test_what_people_would_not_be_shown_of_media_is_refused_at_intake(media: list[object], pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        check_references({"media": media})

    assert refused.value.pointer == pointer


@pytest.mark.parametrize("own", ["print", 5, {}, None, [], ["print"] * 20, [{"uri": "shop://a"}] * 16])
def test_what_people_are_shown_is_taken(own: object) -> None:
    check_references({"media": own})
