import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from adjudge_retail import TABLES
from adjudge_retail.labelled import read_set
from adjudge_retail.planograms import SHELF, planogram


@given(products=st.lists(st.text(min_size=1, max_size=5), unique=True, min_size=1), seed=st.integers())
def test_every_product_has_one_place(products, seed):
    plan = planogram(products, {}, random.Random(seed))

    placed = [product for shelf in plan.shelves for product in shelf.products]
    assert sorted(placed) == sorted(products)
    assert all(product in plan.home[product].products for product in products)
    assert all(len(shelf.products) <= SHELF for shelf in plan.shelves)


def test_facings_are_named_once():
    plan = planogram([str(number) for number in range(81)], {}, random.Random(1))

    facings = [shelf.facing(product) for shelf in plan.shelves for product in shelf.products]
    assert len(set(facings)) == 81
    assert facings[0] == "g1.s1.f01"


def test_stores_arrange_the_same_range_differently_but_keep_kinds_together():
    labelled = read_set(TABLES / "grocery")

    one, other = (planogram(labelled.labels, labelled.kinds, random.Random(seed)) for seed in (1, 2))

    assert one.shelves != other.shelves
    order = [labelled.kinds[product] for shelf in one.shelves for product in shelf.products]
    changes = sum(before != after for before, after in pairwise(order))
    assert changes == len(set(labelled.kinds.values())) - 1
