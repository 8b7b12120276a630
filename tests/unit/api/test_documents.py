"""Documents over HTTP: what no folder could hold is refused, with a pointer to each."""

import pytest

from adjudge.api.documents import check_documents
from adjudge.api.problems import Problem, body


@pytest.mark.parametrize(
    "name", ["claims.yaml", "config/groups/eu.yaml", "pack:retail/types.yaml", "café au lait.yaml"]
)
def test_what_a_folder_could_hold_is_taken(name: str) -> None:
    check_documents({name: "types: {}"})


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("../../evil.yaml", "..~1..~1evil.yaml"),
        ("a/../b.yaml", "a~1..~1b.yaml"),
        ("/srv/x.yaml", "~1srv~1x.yaml"),
        ("a//b.yaml", "a~1~1b.yaml"),
        ("", ""),
        (".yaml", ".yaml"),
        (".hidden/a.yaml", ".hidden~1a.yaml"),
        ("pack:retail/../a.yaml", "pack:retail~1..~1a.yaml"),
        ("\0.yaml", "\0.yaml"),
        ("a\nb.yaml", "a\nb.yaml"),
        ("a.txt", "a.txt"),
        ("a.yml", "a.yml"),
        ("a\ud800.yaml", "a\\ud800.yaml"),
    ],
)
def test_a_name_that_is_no_path_below_the_folder_is_refused(name: str, pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        check_documents({"good.yaml": "", name: ""})

    assert [fault[0] for fault in refused.value.faults] == [f"#/documents/{pointer}"]


def test_half_a_character_is_refused_where_it_stands() -> None:
    """It is neither stored nor hashed nor sent."""
    with pytest.raises(Problem) as refused:
        check_documents({"good.yaml": "name: 😀", "a.yaml": "name: \ud800"})

    errors = body(refused.value)["errors"]
    assert errors == [{"pointer": "#/documents/a.yaml", "detail": "its text holds half a character (a lone surrogate)"}]


def test_no_documents_at_all_are_no_configuration() -> None:
    """They were published, and every question was refused from the next second on."""
    with pytest.raises(Problem) as refused:
        check_documents({})

    assert body(refused.value)["errors"] == [{"pointer": "#/documents", "detail": "there are no documents"}]
