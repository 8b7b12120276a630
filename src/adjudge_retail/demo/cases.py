"""Questions of the demo: what is sent, and beside it what only the demo knows."""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from typing import Any, Final

from adjudge_retail.chance import seeded
from adjudge_retail.demo.stores import Store
from adjudge_retail.labelled import Item, LabelledSet
from adjudge_retail.people import CONFIRM, IDENTIFY, Effort, Puzzle
from adjudge_retail.planograms import Planogram, planogram
from adjudge_retail.reading import UnreadableSet
from adjudge_retail.scores import is_distribution, restricted

LONGEST_LABEL: Final = 200
"""Of an answer space."""
OTHER: Final = "other"
IDENTIFY_TYPE: Final = "product.identify"
CONFIRM_TYPE: Final = "product.confirm"
LABEL_TYPE: Final = "item.label"
MISPLACED: Final = 0.02
"""How often a product lies on a shelf where it does not belong; what `other` is for."""
CONFIRMED: Final = 11
"""Questions whether it is the product that the shelf claims, for each one which product it is."""
SET_ASIDE: Final = 5
"""One item in five serves to choose models, and is replayed last."""


@dataclass(frozen=True, slots=True)
class Source:
    """A labelled set and the question type that asks about its items."""

    type: str
    labelled: LabelledSet
    effort: Effort
    has_candidates: bool = False
    weight: int = 1
    """How often it is asked, beside the others."""

    @property
    def is_known(self) -> bool:
        """Whether the truth of everything that can be asked is recorded, so that an expert can be played."""
        return all(item.truth is not None for item in usable(self))

    @property
    def elsewhere(self) -> float:
        return MISPLACED if self.has_candidates else 0.0

    def belief(self, decider: str, item: Item, candidates: Sequence[str]) -> dict[str, float]:
        """Return what a model will say; empty where it abstains, or says what nobody will believe."""
        scores = self.labelled.scores[decider].of(item.id)
        return (
            {}
            if scores is None or not is_distribution(scores.values())
            else restricted(scores, candidates or list(scores), self.elsewhere)
        )


@dataclass(frozen=True, slots=True)
class Site:
    """A store and its planogram, where anything is known of shelves."""

    store: Store
    plan: Planogram | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question about one item, at one store."""

    event: str
    source: Source
    item: Item
    store: Store
    truth: str | None
    facing: str
    candidates: tuple[str, ...] = ()
    """Empty where the answers are closed."""
    grams: float | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        return (*self.candidates, OTHER) if self.candidates else self.source.labelled.labels

    @property
    def stake(self) -> str | None:
        """Return the money at risk: the set's own column, else a price for goods, else none."""
        if (own := self.item.more.get("stake")) is not None:
            return own if " " in own else f"{own} USD"
        goods = self.item.more["claimed"] if self.source.type == CONFIRM_TYPE else self.item.truth
        if not goods or self.source.type == LABEL_TYPE:
            return None
        return f"{_price(goods) / self.store.dollars:.2f} {self.store.currency}"

    def belief(self, decider: str) -> dict[str, float]:
        """Return what a model will say of it."""
        return self.source.belief(decider, self.item, self.answers if self.candidates else ())

    def puzzle(self, decider: str | None) -> Puzzle | None:
        """Return what it is to a person; None where nobody knows the truth. `decider`: who makes it hard."""
        belief = {} if decider is None else self.belief(decider)
        return None if self.truth is None else Puzzle(self.truth, self.answers, belief)

    def evidence(self, at: datetime, picture: str, edge: str) -> dict[str, Any]:
        """Return what deciders are shown; `edge`: the release of the store's edge box. The truth is not in it."""
        event: dict[str, Any] = {"id": self.event, "at": at.isoformat(), "facing": self.facing, "edge": edge}
        shown: dict[str, Any] = {"item": self.item.id, "event": event}
        if self.grams is not None:
            event |= {"delta_g": self.grams, "sigma_g": 4.0}
        if self.candidates:
            shown["shelf"] = ", ".join(self.candidates)
        if self.source.type == CONFIRM_TYPE:
            shown["claimed"] = self.item.more["claimed"]
        return {**shown, "media": [{"name": "shelf", "uri": picture, "type": _media_type(picture)}]}


def shipped_sources(products: LabelledSet, claims: LabelledSet) -> tuple[Source, ...]:
    """Return the sources of the tables that the pack ships."""
    return (
        Source(IDENTIFY_TYPE, products, IDENTIFY, has_candidates=True),
        Source(CONFIRM_TYPE, claims, CONFIRM, weight=CONFIRMED),
    )


def folder_sources(labelled: LabelledSet) -> tuple[Source, ...]:
    """Return the source of any folder: its labels are the answers. Raises UnreadableSet where one cannot be."""
    for label in labelled.labels:
        if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable():
            must = f"1 to {LONGEST_LABEL} printable characters"
            raise UnreadableSet(f"{labelled.folder}: the label {label[:80]!r} cannot be an answer: {must}")
    return (Source(LABEL_TYPE, labelled, IDENTIFY),)


def usable(source: Source) -> tuple[Item, ...]:
    """Return the items that can be asked: people must have an answer, real or simulated from the truth."""
    labelled = source.labelled
    if labelled.answers:
        return tuple(item for item in labelled.items if labelled.answers.get(item.id))
    return tuple(item for item in labelled.items if item.truth is not None)


def is_set_aside(item: Item) -> bool:
    """Return whether an item serves to choose models."""
    return hashlib.sha256(item.id.encode()).digest()[0] % SET_ASIDE == 0


def deal(source: Source, rng: random.Random) -> Iterator[Item]:
    """Yield items for ever, in a drawn order; those set aside come last in each round."""
    items = list(usable(source))
    rng.shuffle(items)
    return cycle(sorted(items, key=is_set_aside))


def case_of(event: str, source: Source, item: Item, site: Site, rng: random.Random) -> Case:
    """Put an item on a shelf of a store, now and then on one where it does not belong."""
    plan, store = site.plan, site.store
    if not source.has_candidates or plan is None or item.truth is None:
        facing = f"g{rng.randint(1, 4)}.s{rng.randint(1, 4)}.f{rng.randint(1, 5):02}"
        return Case(event=event, source=source, item=item, store=store, truth=item.truth, facing=facing)
    shelf = rng.choice(plan.shelves) if rng.random() < MISPLACED else plan.home[item.truth]
    return Case(
        event=event,
        source=source,
        item=item,
        store=store,
        candidates=shelf.products,
        truth=item.truth if item.truth in shelf.products else OTHER,
        facing=shelf.facing(rng.choice(shelf.products)),
        grams=-round(_weight(item.truth) + rng.gauss(0, 4), 1),
    )


def _weight(product: str) -> float:
    """Return the grams of a product: lognormal, median 150."""
    return seeded(product).lognormvariate(5.01, 0.8)


def _price(product: str) -> float:
    """Return a price in dollars: lognormal around 3.30."""
    return seeded("price", product).lognormvariate(1.07, 0.5)


def _media_type(picture: str) -> str:
    return {"svg": "image/svg+xml", "png": "image/png"}.get(picture.rpartition(".")[2], "image/jpeg")


def sites(sources: Sequence[Source], stores: Sequence[Store], seed: int) -> Mapping[str, Site]:
    """Return each store by name, with its own arrangement of the range."""
    products = next((source.labelled for source in sources if source.has_candidates), None)
    return {store.name: Site(store, _arranged(products, seeded(seed, store.name))) for store in stores}


def _arranged(products: LabelledSet | None, rng: random.Random) -> Planogram | None:
    return None if products is None else planogram(products.labels, products.kinds, rng)
