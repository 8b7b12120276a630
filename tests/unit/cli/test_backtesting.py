"""`adjudge backtest`: folders in, figures, page and trace out; and what it refuses."""

import csv
import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.automation.voting import a_set

from adjudge.cli.root import run
from adjudge.labelled.tables import Column, write_table

KEYS = [
    "name",
    "accuracy",
    "error_automated",
    "error_automated_interval",
    "coverage",
    "votes_per_item",
    "votes_per_item_with_audits",
    "votes_saved",
    "guarantee_kept",
    "cost",
]


def write(folder: Path, data, *, form: str = "csv.gz", reviewers: bool = True, counts: bool = False) -> Path:
    def table(name: str, columns: list[str], rows: list) -> None:
        path = folder / f"{name}.{form}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(path, [Column(column) for column in columns], [[str(cell) for cell in row] for row in rows])

    table("labels", ["label", "further"], [[label, "x"] for label in data.labels])
    table("items", ["item_id", "truth", "split"], items_of(data))
    for decider, scores in data.scores.items():
        table(f"scores/{decider}", ["item_id", *data.labels], list(scored(data, scores)))
    if data.has_people and counts:
        given = [[(row == label).sum() for label in range(len(data.labels))] for row in data.answers]
        rows = [[item, *counted] for item, counted in zip(data.items, given, strict=True)]
        table("answer_counts", ["item_id", *data.labels], rows)
    elif data.has_people:
        table("answers", ["item_id", "reviewer", "answer", "seconds"], list(answers_of(data, reviewers)))
    return folder


def items_of(data) -> list:
    return [
        [item, data.labels[truth], "test" if place % 2 else "val"]
        for place, (item, truth) in enumerate(zip(data.items, data.truth, strict=True))
    ]


def scored(data, scores):
    for item, row in zip(data.items, scores, strict=True):
        yield [item, *(f"{score:.6f}" for score in row)]


def answers_of(data, reviewers: bool):
    for item, answers, who in zip(data.items, data.answers, data.reviewers, strict=True):
        for answer, person in ((one, person) for one, person in zip(answers, who, strict=True) if one >= 0):
            yield [item, f"r{person}" if reviewers and person >= 0 else "", data.labels[answer], "2.5"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("set"), a_set(700, models=(2.4, 1.6), people=15, votes=4))


@pytest.fixture(scope="module")
def results(folder, tmp_path_factory) -> Path:
    return judged(folder, tmp_path_factory.mktemp("out"))


def judged(folder: Path, out: Path) -> Path:
    options = ["--decider", "model@1", "--target-risk", "0.05", "--repeats", "4"]
    files = ["--json", out / "figures.json", "--html", out / "page.html", "--trace", out / "trace.csv.gz"]
    assert run(["backtest", str(folder), *options, *map(str, files)]) == 0
    return out


@pytest.fixture(scope="module", params=["everything answered", "every other item answered"])
def pair(request, folder, results, tmp_path_factory) -> tuple[Path, Path]:
    """A folder and what came of it."""
    if request.param == "everything answered":
        return folder, results
    data = a_set(700, models=(2.4, 1.6), people=15, votes=4)
    data.answers[::2] = -1
    partly = write(tmp_path_factory.mktemp("set"), data)
    return partly, judged(partly, tmp_path_factory.mktemp("out"))


def policies(path: Path) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads(path.read_text())["policies"]}


def test_the_json_has_these_keys_and_no_others(results):
    found = json.loads((results / "figures.json").read_text())

    assert list(found) == ["policies"]
    assert all(list(row) == KEYS for row in found["policies"])
    assert {"people only, 3 votes", "model only", "certified", "certified against people"} <= policies(
        results / "figures.json"
    ).keys()


def given(found):
    return [row for row in found if row["source"] != "none"]


def alone(found):
    return [row for row in found if row["source"] == "model"]


def covered(found):
    return [row for row in found if row["covered"] == "1"]


def among(found, others):
    items = {row["item"] for row in others}
    return [row for row in found if row["item"] in items]


def test_every_figure_is_computed_again_from_the_trace(pair):
    """Nothing in the JSON that the trace and the truths do not say."""
    folder, results = pair
    with gzip.open(folder / "items.csv.gz", "rt") as stream:
        truth = {row["item_id"]: row["truth"] for row in csv.DictReader(stream)}
    with gzip.open(results / "trace.csv.gz", "rt") as stream:
        rows = list(csv.DictReader(stream))
    halves: dict[tuple, list] = {}
    for row in rows:
        halves.setdefault((row["half"], row["policy"], int(row["repeat"])), []).append(row)

    def of(half: str, policy: str) -> list[list[dict]]:
        return [found for (at, name, _), found in sorted(halves.items()) if (at, name) == (half, policy)]

    def right(found):
        return sum(row["answer"] == truth[row["item"]] for row in found)

    def votes(found):
        return sum(len(row["votes"].split(";")) if row["votes"] else 0 for row in found)

    def mean(values):
        return pytest.approx(float(np.mean(list(values))))

    base = np.mean([votes(found) / len(found) for found in of("test", "people only, 3 votes")])
    for name, row in policies(results / "figures.json").items():
        test, whole = of("test", name), of("whole", name)
        assert row["accuracy"] == mean(right(found) / len(given(found)) for found in test)
        assert row["coverage"] == mean(len(alone(found)) / len(found) for found in test)
        each = float(np.mean([votes(found) / len(found) for found in test]))
        assert row["votes_per_item"] == pytest.approx(each)
        assert row["votes_saved"] == pytest.approx(1 - each / base)
        assert row["votes_per_item_with_audits"] == {
            str(share): pytest.approx((1 - share) * each + share * max(3, each)) for share in (0.02, 0.05, 0.1)
        }
        wrong = float(np.mean([1 - right(found) / len(found) for found in test]))
        assert row["cost"] == pytest.approx(each + 20 * wrong)
        errors = [1 - right(alone(found)) / len(alone(found)) for found in test if alone(found)]
        if not errors:
            assert row["error_automated"] is row["error_automated_interval"] is None
        else:
            automated = sum(len(alone(found)) for found in test)
            wrongs = automated - sum(right(alone(found)) for found in test)
            assert row["error_automated"] == pytest.approx(wrongs / automated)
            assert row["error_automated_interval"] == pytest.approx(list(np.quantile(errors, [0.05, 0.95])))
        if name.startswith("people only"):
            assert row["guarantee_kept"] is None
        elif name.startswith("certified against people"):
            people = of("whole", "people only, 3 votes")
            assert row["guarantee_kept"] == mean(
                right(among(ours, given(theirs))) >= right(theirs) for ours, theirs in zip(whole, people, strict=True)
            )
        else:
            assert row["guarantee_kept"] == mean(
                len(covered(found)) - right(covered(found)) <= 0.05 * len(covered(found)) for found in whole
            )
            if not name.startswith("certified posterior"):
                assert all(covered(found) == alone(found) for found in whole)


def test_what_is_certified_and_what_nobody_can_be_asked_about_is_told_apart(pair):
    """No promise covers an answer of the model without a licensed threshold: nobody answers there."""
    with gzip.open(pair[1] / "trace.csv.gz", "rt") as stream:
        rows = [row for row in csv.DictReader(stream) if row["policy"].startswith("certified")]

    assert not [row for row in rows if row["source"] == "model" and not row["threshold"]]
    assert not [row for row in rows if bool(row["answer"]) is (row["source"] == "none")]


def test_the_trace_names_the_votes_that_were_bought(folder, results):
    """A majority of three is that of the rows it names."""
    given: dict[str, list[str]] = {}
    with gzip.open(folder / "answers.csv.gz", "rt") as stream:
        for row in csv.DictReader(stream):
            given.setdefault(row["item_id"], []).append(row["answer"])
    with gzip.open(results / "trace.csv.gz", "rt") as stream:
        rows = [row for row in csv.DictReader(stream) if row["policy"] == "people only, 3 votes"]

    for row in rows[:500]:
        bought = [given[row["item"]][int(place)] for place in row["votes"].split(";")]
        assert len(bought) == 3
        assert bought.count(row["answer"]) == max(map(bought.count, bought))


def test_the_page_stands_alone(results):
    text = (results / "page.html").read_text()

    assert not re.search(r"(?:src|href)=|@import|url\(|fetch\(", text)
    assert "certified against people, blended" in text


def test_the_same_seed_gives_the_same_figures(folder, tmp_path):
    for name in ("a", "b"):
        assert run(["backtest", str(folder), "--repeats", "2", "--json", str(tmp_path / name)]) == 0

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_order_of_rows_changes_no_figure(tmp_path):
    """Items are divided by what they are called: a folder sorted, or written by another program, is the same set."""
    data = a_set(300, votes=3, people=9)
    upside_down = replace(
        data,
        items=data.items[::-1],
        truth=data.truth[::-1],
        scores={name: scores[::-1] for name, scores in data.scores.items()},
        answers=data.answers[::-1, ::-1],
        reviewers=data.reviewers[::-1, ::-1],
    )
    for name, given in (("a", data), ("b", upside_down)):
        folder = write(tmp_path / f"set-{name}", given)
        assert run(["backtest", str(folder), "--repeats", "2", "--json", str(tmp_path / name)]) == 0

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("are_named", [True, False])
def test_a_vote_that_was_not_bought_changes_no_purchase_whether_or_not_people_are_named(tmp_path, are_named):
    """From file to trace: what somebody says who is not asked does not say who is asked."""
    policy, data = "people only, adaptive", a_set(300, votes=5, people=9)
    before = traced(write(tmp_path / "a", data, reviewers=are_named), tmp_path / "a.csv.gz", policy)
    answers = data.answers.copy()
    for place, item in enumerate(data.items):
        if item in before:
            bought = [int(row) for row in before[item]["votes"].split(";")]
            others = np.setdiff1d(np.arange(answers.shape[1]), bought)
            answers[place, others] = (answers[place, others] + 1) % len(data.labels)

    after = traced(
        write(tmp_path / "b", replace(data, answers=answers), reviewers=are_named), tmp_path / "b.csv.gz", policy
    )

    assert after == before


def traced(folder: Path, trace: Path, policy: str) -> dict[str, dict[str, str]]:
    """Return what a policy did with each item of the judged half."""
    assert run(["backtest", str(folder), "--repeats", "1", "--trace", str(trace)]) == 0
    with gzip.open(trace, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {row["item"]: row for row in rows if (row["policy"], row["half"]) == (policy, "test")}


@pytest.mark.parametrize(
    ("made", "options", "has", "has_not"),
    [
        ({"votes": 0}, {}, {"model only", "certified"}, {"people only, 3 votes", "certified + adaptive votes"}),
        ({"models": ()}, {}, {"people only, weighed"}, {"model only", "certified"}),
        ({}, {"counts": True}, {"certified against people"}, set()),
        ({"people": 9}, {"reviewers": False}, {"certified against people"}, set()),
        ({"people": 9}, {"form": "parquet"}, {"certified against people"}, set()),
        ({"votes": 1}, {}, {"people only, 3 votes", "certified + adaptive votes"}, set()),
        ({"labels": 30}, {}, {"certified + adaptive votes"}, set()),
    ],
    ids=["no people", "no models", "counts", "nobody named", "parquet", "one vote each", "many labels"],
)
def test_sets_of_all_kinds_are_read(tmp_path, made, options, has, has_not):
    write(tmp_path / "set", a_set(300, **made), **options)

    assert run(["backtest", str(tmp_path / "set"), "--repeats", "2", "--json", str(tmp_path / "json")]) == 0

    found = policies(tmp_path / "json").keys()
    assert has <= found
    assert not has_not & found


def test_a_decider_that_scored_only_some_items_is_not_asked_about_the_others(tmp_path):
    data = a_set(300)
    data.scores["model@1"][:150] = 0
    folder = write(tmp_path / "set", data)
    with gzip.open(folder / "scores" / "model@1.csv.gz", "rt") as stream:
        lines = stream.readlines()
    with gzip.open(folder / "scores" / "model@1.csv.gz", "wt") as stream:
        stream.writelines([lines[0], *lines[151:]])

    assert run(["backtest", str(folder), "--repeats", "3", "--json", str(tmp_path / "json")]) == 0

    assert 0.4 < policies(tmp_path / "json")["model only"]["coverage"] < 0.6


def test_only_items_of_a_slice_are_judged(folder, tmp_path, capsys):
    plan = tmp_path / "plan.yaml"
    plan.write_text("where: {split: test}\nvote: 0.2\nwrong: 8\ncurrency: EUR\n")

    assert run(["backtest", str(folder), "--plan", str(plan), "--repeats", "1"]) == 0

    assert capsys.readouterr().out.startswith("350 items")


def test_what_a_mistake_costs_has_the_charge_that_it_lets_go_by(folder, tmp_path):
    """As in the curve of a day. It changes no answer: `wrong` alone says when asking ends."""
    found = []
    for missed in ("", "missed: 9.0\nmissed_share: 0.5\n"):
        plan = tmp_path / "plan.yaml"
        plan.write_text(f"currency: EUR\nvote: 0.2\nmodel: 0.01\nwrong: 8\n{missed}")
        options = ["--decider", "model@1", "--plan", str(plan), "--repeats", "1", "--json", str(tmp_path / "json")]
        assert run(["backtest", str(folder), *options]) == 0
        found.append(policies(tmp_path / "json"))

    for without, row in zip(*(each.values() for each in found), strict=True):
        assert without | {"cost": None} == row | {"cost": None}
        assert row["cost"] - without["cost"] == pytest.approx(4.5 * (1 - row["accuracy"]))


def swapped(name: str, line: int, old: str, new: str):
    def change(folder: Path) -> None:
        path = folder / f"{name}.csv"
        lines = path.read_text().splitlines(keepends=True)
        assert old in lines[line]
        lines[line] = lines[line].replace(old, new, 1)
        path.write_text("".join(lines))

    return change


def doubled(name: str, line: int):
    def change(folder: Path) -> None:
        path = folder / f"{name}.csv"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*lines, lines[line]]))

    return change


def shortened(folder: Path) -> None:
    for path in folder.glob("items.csv"):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:11]))


def shifted(folder: Path) -> None:
    """Each score stays a probability."""
    path = folder / "scores" / "model@1.csv"
    lines = path.read_text().splitlines(keepends=True)
    item, first, *others = lines[4].split(",")
    lines[4] = ",".join([item, f"{(float(first) + 0.3) % 1:.6f}", *others])
    path.write_text("".join(lines))


def one_class(folder: Path) -> None:
    path = folder / "items.csv"
    path.write_text(re.sub(r"label-\d", "label-1", path.read_text()))


def headed(name: str, header: str):
    def change(folder: Path) -> None:
        path = folder / f"{name}.csv"
        path.write_text("".join([f"{header}\n", *path.read_text().splitlines(keepends=True)[1:]]))

    return change


def blank_before(change):
    """The same fault with an empty line before it: rows keep their numbers in the file."""

    def changed(folder: Path) -> None:
        change(folder)
        path = folder / "items.csv"
        path.write_text(path.read_text().replace("\n", "\n\n", 1))

    return changed


def latin(folder: Path) -> None:
    path = folder / "items.csv"
    path.write_bytes(path.read_bytes().replace(b"item-4,", b"item-\xe9,", 1))


def beside(folder: Path) -> None:
    with gzip.open(folder / "items.csv.gz", "wt") as stream:
        stream.write("item_id,truth\n")


BAD = {
    "scores doubled": (
        headed("scores/model@1", "item_id,label-0,label-1,label-2,label-2"),
        r"model@1.csv: column 'label-2' is there twice",
    ),
    "a column of items doubled": (headed("items", "item_id,truth,truth"), r"items.csv: column 'truth' is there twice"),
    "a column of answers doubled": (
        headed("answers", "item_id,reviewer,answer,answer"),
        r"answers.csv: column 'answer' is there twice",
    ),
    "a column of labels doubled": (headed("labels", "label,label"), r"labels.csv: column 'label' is there twice"),
    "a row behind an empty one": (
        blank_before(swapped("items", 2, ",label-0", ",")),
        r"items.csv:4: item 'item-1' has no truth",
    ),
    "not UTF-8": (latin, r"items.csv:6: this is not UTF-8"),
    "a label twice": (doubled("labels", 2), r"labels.csv:6: label 'label-1' was there before"),
    "no label": (swapped("labels", 2, "label-1", ""), r"labels.csv:3: there is no label"),
    "two tables of items": (beside, r"there are items.csv.gz and items.csv: which one counts\?"),
    "scores that do not add up": (shifted, r"model@1.csv:5: the scores of 'item-3' add up to"),
    "not a number": (swapped("scores/model@1", 4, "item-3,0.", "item-3,nan0."), r"model@1.csv:5: .*no probability"),
    "an unknown truth": (swapped("items", 2, "label-", "lable-"), r"items.csv:3: the truth of 'item-1'.*no label"),
    "an unknown answer": (swapped("answers", 7, "label-", "lable-"), r"answers.csv:8: .*no label"),
    "no truth": (swapped("items", 2, ",label-0", ","), r"items.csv:3: item 'item-1' has no truth"),
    "one class": (one_class, r"one class only"),
    "an item twice": (doubled("items", 5), r"items.csv:302: item 'item-4' was there before"),
    "an item scored twice": (doubled("scores/model@1", 5), r"model@1.csv:302: item 'item-4' was there before"),
    "somebody twice": (doubled("answers", 5), r"answers.csv:\d+: reviewer 'r\d+' answered item 'item-\d+' twice"),
    "ten rows": (shortened, r"10 items with a truth are too few"),
    "an unknown item": (swapped("answers", 7, "item-1", "item-x"), r"answers.csv:8: item 'item-x' is not in items"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_is_refused_with_its_row(fault, tmp_path, capsys):
    """Never a certificate on a set that is not what it says."""
    change, message = BAD[fault]
    data = a_set(300, people=9)
    data.truth[1] = 0
    folder = write(tmp_path / "set", data, form="csv")
    change(folder)

    assert run(["backtest", str(folder), "--json", str(tmp_path / "json")]) == 1

    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "json").exists()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("where: {split: nowhere}", "no item with split = nowhere has a truth: the slice is empty"),
        ("where: {aisle: a}", "no column 'aisle'"),
        ("vote: -1", "a price is negative"),
        ("vote: 1\nprise: 1", "plan.yaml:2: Object contains unknown field `prise`"),
        ("wrong: 9\nvote: 1\nwrong: 2", "plan.yaml:3: wrong: written twice"),
        ("wrong: 9\nvote: 1:30", "plan.yaml:2: Expected `float`, got `str`"),
        ("vote: 1\ncurrency: EURO", "plan.yaml:2: 'EURO' is not an ISO 4217 code"),
        ("wrong: &a 9\nvote: *a", "plan.yaml:2: `*a`: aliases are not read"),
        ("- 1", "Expected `object`, got `array`"),
        ("vote: 0", "say what a wrong answer costs"),
        ("votes: 0", "votes are 1 to 20"),
        ("[", "plan.yaml"),
    ],
)
def test_bad_terms_are_refused(folder, plan, message, tmp_path, capsys):
    (tmp_path / "plan.yaml").write_text(plan)

    assert run(["backtest", str(folder), "--plan", str(tmp_path / "plan.yaml")]) == 1

    assert message in capsys.readouterr().err


def test_a_decider_that_is_not_there_is_named(folder, capsys):
    assert run(["backtest", str(folder), "--decider", "model@9"]) == 1

    assert "there are no scores of model@9 (there are of model@1, model@2)" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", "--html", "--trace"])
def test_what_could_not_be_written_is_refused_before_anything_is(folder, option, tmp_path, capsys):
    """Not after the repeats, with some of the files there and others not."""
    written = ["--json", tmp_path / "a.json", "--html", tmp_path / "a.html", "--trace", tmp_path / "a.csv.gz"]
    written[written.index(option) + 1] = tmp_path / "nowhere" / "a"

    assert run(["backtest", str(folder), "--repeats", "1", *map(str, written)]) == 1

    assert f"there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", [["--target-risk", "0"], ["--confidence", "1"], ["--repeats", "0"]])
def test_wrong_usage_is_told_apart(folder, option):
    assert run(["backtest", str(folder), *option]) == 2


def test_items_of_an_export_without_truth_are_left_out_and_counted(tmp_path, capsys):
    """An export has many: most decisions are never audited."""
    data = a_set(300)
    folder = write(tmp_path / "set", data, form="csv")
    lines = (folder / "items.csv").read_text().splitlines()
    rows = [f"{line.split(',')[0]},," if place % 3 == 0 else line for place, line in enumerate(lines[1:])]
    (folder / "items.csv").write_text("\n".join(["item_id,truth,truth_source", *rows]) + "\n")

    assert run(["backtest", str(folder), "--repeats", "1"]) == 0

    assert "left out: 100 items without a truth\n200 items" in capsys.readouterr().out
