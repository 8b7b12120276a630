from types import SimpleNamespace

from adjudge.deciders.explaining import LONGEST, clipped, explained, shown


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def raised(error):
    try:
        raise error
    except Exception as caught:
        return caught


PLACE = f"(test_explaining.py:{raised.__code__.co_firstlineno + 2})"


def test_an_error_is_told_with_the_file_and_line_where_it_arose_but_no_folder():
    assert explained(raised(KeyError("amount"))) == f"KeyError: 'amount' {PLACE}"
    assert explained(ValueError()) == "ValueError"


def test_an_error_without_end_is_cut_and_keeps_its_place():
    text = explained(raised(ValueError("x" * 10_000)))

    assert len(text) == LONGEST
    assert text.endswith(PLACE)


def test_an_error_whose_text_raises_can_be_told():
    assert explained(Mute()) == "Mute: its text cannot be shown"


def test_nothing_is_left_that_a_database_or_a_terminal_would_choke_on():
    assert clipped("a\x00b\ud800c\x1b[31m\n") == "a b c [31m "


def test_an_object_is_shown_abridged_even_if_its_type_lies():
    impostor = type("list", (), {})()

    assert shown(impostor) == "an object of type list"
    assert len(shown(["x" * 100] * 100)) < LONGEST
    assert shown(SimpleNamespace(a=1)).startswith("namespace(a=1")
