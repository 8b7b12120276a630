import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.core.pointers import found_at, parse_pointer, put_at, show_pointer

names = st.lists(st.text(max_size=5), min_size=1, max_size=4).map(tuple)
DOCUMENT = {"foo": ["bar", {"x": 1}], "": 0, "a/b": 1, "m~n": 8, "1": "one"}


@given(names)
def test_a_pointer_written_down_is_read_as_it_was(pointer):
    assert parse_pointer(show_pointer(pointer)) == pointer


@given(names)
def test_what_was_put_somewhere_is_found_there(pointer):
    document = {}

    put_at(document, pointer, 7)

    assert found_at(document, pointer) == 7


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("", DOCUMENT), ("/foo/0", "bar"), ("/foo/1/x", 1), ("/", 0), ("/a~1b", 1), ("/m~0n", 8), ("/1", "one")],
)
def test_places_are_found_as_the_standard_says(pointer, value):
    assert found_at(DOCUMENT, parse_pointer(pointer)) == value


@pytest.mark.parametrize("pointer", ["/bar", "/foo/2", "/foo/-1", "/foo/x", "/foo/0/b", "/foo/²", f"/foo/{10**30}"])
def test_where_nothing_is_there_is_an_error(pointer):
    with pytest.raises(LookupError):
        found_at(DOCUMENT, parse_pointer(pointer))


@pytest.mark.parametrize("text", ["foo", "/a~2b", "/a~"])
def test_what_is_no_pointer_is_refused(text):
    with pytest.raises(ValueError, match="not a JSON pointer"):
        parse_pointer(text)


@pytest.mark.parametrize("second", ["/a", "/a/b", "/a/b/c"])
def test_a_place_that_is_taken_or_within_another_is_refused(second):
    document = {}
    put_at(document, parse_pointer("/a/b"), 1)

    with pytest.raises(LookupError):
        put_at(document, parse_pointer(second), 2)
