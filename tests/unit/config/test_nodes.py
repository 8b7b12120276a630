"""YAML as configuration means it: words stay words, and nothing is hidden."""

import pytest

from adjudge.config.documents.faults import Faults, InvalidConfiguration
from adjudge.config.documents.nodes import Node, parse


def plain(text: str) -> object:
    faults = Faults()
    node = parse("a.yaml", text, "organisation", faults)
    faults.raise_any()
    return node.plain() if node is not None else None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("NO", "NO"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-03-07", "2026-03-07"),
        ("00049000050103", "00049000050103"),
        ("99999999999999999999", "99999999999999999999"),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_scalars_are_read_by_the_core_schema(written: str, meant: object) -> None:
    found = plain(f"a: {written}")

    assert found == {"a": meant}
    assert type(found["a"]) is type(meant)  # type: ignore[index]


def test_every_value_knows_its_line() -> None:
    node = parse("a.yaml", "a:\n  - b\n  - c:\n      d:\n        e\n", "organisation", Faults())

    assert node is not None
    first, second = node.entries["a"].items
    assert (node.entries["a"].origin.line, first.origin.line, second.entries["c"].origin.line) == (1, 2, 3)
    assert second.entries["c"].entries["d"] == Node("e", first.origin.__class__("a.yaml", 5), "organisation", "e")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "a.yaml:2: a: written twice; first at a.yaml:1"),
        ("a: &x 1\nb: *x", "a.yaml:2: `*x`: aliases are not read"),
        ("a: !!python/object:os.system x", "a.yaml:1: `tag:yaml.org,2002:python/object:os.system`: tags are not read"),
        ("a: !!map {}", "tags are not read"),
        ("a: 1\n---\nb: 2", "a.yaml:2: a second document begins"),
        ("a: [1", "a.yaml:2: not YAML: did not find expected ',' or ']'"),
        ("a:\n\tb: 1", "a.yaml:2: not YAML: a tab, where only blanks may stand"),
        ("a: 1\nb: \x01", "a.yaml:2: not YAML: control characters are not allowed"),
        ("? [a, b]\n: c", "a.yaml:1: a key must be a word"),
        ("[" * 70 + "]" * 70, "a.yaml:1: nested deeper than 64 levels"),
        ("a: " + "{a: " * 5000, "a.yaml:1: nested deeper than 64 levels"),
    ],
)
def test_what_would_change_or_hide_a_value_is_a_fault(text: str, said: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        plain(text)

    assert said in str(refused.value.faults[0])


def test_an_empty_document_holds_nothing() -> None:
    assert plain("") is None
    assert plain("# only a comment\n") is None
