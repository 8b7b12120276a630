"""Synthetic items, models and people: what is hard for one is hard for all, as in life."""

import numpy as np

from adjudge.automation.backtesting.sets import LabelledSet


def a_set(
    items: int = 2_000,
    *,
    labels: int = 4,
    models: tuple[float, ...] = (2.2,),
    people: int = 0,
    votes: int = 5,
    skill: float = 2.0,
    seed: int = 1,
) -> LabelledSet:
    """`models`: how well each tells labels apart. Difficulty is shared by models and people."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, labels, items)
    ease = chance.gamma(2.0, 0.5, items)
    scores = {}
    for number, strength in enumerate(models, start=1):
        evidence = chance.normal(size=(items, labels))
        evidence[np.arange(items), truth] += strength * (0.6 + ease)
        odds = np.exp(2.5 * strength * evidence / 2)  # over-confident, as networks are
        scores[f"model@{number}"] = (odds / odds.sum(1, keepdims=True)).astype(np.float32)
    who = chance.integers(0, people, (items, votes)) if people else np.full((items, votes), -1)
    if people:
        who = np.argsort(chance.random((items, people)), 1)[:, :votes]
    skills = chance.uniform(0.3, 1.7, max(people, 1))
    strength = skill * (0.5 + ease[:, None]) * (skills[who] if people else 1.0)
    heard = chance.normal(size=(items, votes, labels))
    heard[np.arange(items)[:, None], np.arange(votes), truth[:, None]] += strength
    answers = heard.argmax(2)
    return LabelledSet(
        labels=tuple(f"label-{place}" for place in range(labels)),
        items=tuple(f"item-{place}" for place in range(items)),
        truth=truth,
        scores=scores,
        answers=answers if votes else np.empty((items, 0), int),
        reviewers=who if votes else np.empty((items, 0), int),
        people=people,
    )
