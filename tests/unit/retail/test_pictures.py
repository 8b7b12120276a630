from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from adjudge_retail.pictures import shelf_picture


@given(item=st.text(max_size=200), products=st.lists(st.text(max_size=200), max_size=12))
def test_a_picture_is_small_and_well_formed_whatever_the_names(item, products):
    picture = shelf_picture(item, products)

    assert len(picture.encode("utf-8", "surrogatepass")) <= 2_048
    assert ET.fromstring(picture).tag.endswith("svg")


def test_a_picture_depends_on_the_item_and_on_nothing_else_that_changes():
    assert shelf_picture("i-1", ["a", "b"]) == shelf_picture("i-1", ["a", "b"])
    assert shelf_picture("i-1", ["a", "b"]) != shelf_picture("i-2", ["a", "b"])
