"""`adjudge config`: faults with their lines, thresholds called what they are, values with their origin."""

import json
from pathlib import Path

import pytest
from tests.unit.config.documents import CLAIMS

from adjudge.cli.root import run

Out = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    run(["init", "."])
    return tmp_path


def spoil(project: Path, sound: str, spoilt: str) -> None:
    assert sound in CLAIMS
    (project / "config/claims.yaml").write_text(CLAIMS.replace(sound, spoilt))


def test_a_sound_configuration_is_summed_up_with_each_threshold_set_by_hand(project: Path, capsys: Out) -> None:
    assert run(["config", "check"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "no fault: 1 type, 1 decider, 1 pool, 1 plan, 1 location",
        "set by hand, uncertified: claim.pay, plan claims: `confidence >= 0.95` (organisation, config/claims.yaml:10)",
    ]


def test_a_certified_stage_that_nothing_could_ever_license_is_named(project: Path, capsys: Out) -> None:
    spoil(project, '{by_hand: "confidence >= 0.95"}', "certified")
    assert run(["config", "check"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert run(["config", "check", "--json"]) == 0

    assert said[1] == (
        "never certified: claim.pay, plan claims: nothing audits this type: configure `audits` (config/claims.yaml:10)"
    )
    assert [each["type"] for each in json.loads(capsys.readouterr().out)["never_certified"]] == ["claim.pay"]


def test_a_tag_that_no_route_reads_is_named(project: Path, capsys: Out) -> None:
    (project / "config/stores.yaml").write_text("locations: {default: {tags: [new]}}")
    assert run(["config", "check"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert run(["config", "check", "--json"]) == 0

    assert said[-1] == "nothing reads the tag `new` of location default (config/stores.yaml:1)"
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["unread"]] == ["new"]


def test_a_folder_that_people_would_find_empty_is_named(project: Path, capsys: Out) -> None:
    """It may be there where APIs run: no fault."""
    (project / "config/media.yaml").write_text("organisation: {resolvers: {shop: {folder: shelves}}}")
    assert run(["config", "check"]) == 0
    absent = capsys.readouterr().out
    (project / "config/shelves").mkdir()
    assert run(["config", "check"]) == 0

    assert f"not on this machine: {project / 'config/shelves'}, from which `shop:` is opened for people" in absent
    assert "not on this machine" not in capsys.readouterr().out


def test_every_fault_is_a_line_and_the_status_is_1(project: Path, capsys: Out) -> None:
    spoil(project, "{ask: agents,", "{lateness: 3, ask: agnets,")

    assert run(["config", "check"]) == 1

    assert capsys.readouterr().out.splitlines() == [
        "config/claims.yaml:11: plans.claims.stages[1].ask: no pool or decider `agnets`; did you mean `agents`?",
        "config/claims.yaml:11: plans.claims.stages[1].lateness: nothing reads `lateness` here; "
        "known are `ask`, `votes`, `combine`, `accept`, `timeout`, `fallbacks`",
    ]


def test_documents_without_a_question_type_are_refused(project: Path, capsys: Out) -> None:
    """They were published, and every question was refused from then on."""
    (project / "config" / "claims.yaml").write_text("organisation: {name: x}\n")

    assert run(["config", "check"]) == 1
    assert capsys.readouterr().out == (
        "config/claims.yaml:1: types: there is no question type: nothing could be asked\n"
    )


def test_json_holds_the_same(project: Path, capsys: Out) -> None:
    run(["config", "check", "--json"])
    sound = json.loads(capsys.readouterr().out)
    spoil(project, "{ask: agents,", "{ask: agnets,")
    run(["config", "check", "--json"])
    (fault,) = json.loads(capsys.readouterr().out)["faults"]

    assert (sound["faults"], sound["types"], sound["locations"]) == ([], 1, 1)
    assert sound["by_hand"][0]["origin"] == {"file": "config/claims.yaml", "line": 10}
    assert (fault["file"], fault["line"], fault["nearest"]) == ("config/claims.yaml", 11, "agents")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("deciders:claim_rsik", "claim_rsik"),
        ("decider:claim_risk", "No module named 'decider'"),
        ("broken:claim_risk", "SyntaxError"),
        ("leaving:claim_risk", "SystemExit"),
    ],
)
def test_a_function_that_cannot_be_imported_is_a_fault(function: str, said: str, project: Path, capsys: Out) -> None:
    (project / "broken.py").write_text("def claim_risk(:")
    (project / "leaving.py").write_text("raise SystemExit(0)")
    spoil(project, "deciders:claim_risk", function)

    assert run(["config", "check"]) == 1

    out = capsys.readouterr().out
    assert out.startswith("config/claims.yaml:5: deciders.claim-risk@1.python: ")
    assert said in out


def test_names_are_relative_to_the_folder_where_it_lies_elsewhere(project: Path, capsys: Out) -> None:
    (project / "deep/config").mkdir(parents=True)
    (project / "deep/config/a.yaml").write_text(CLAIMS.replace("{ask: agents,", "{ask: agnets,"))

    assert run(["config", "check", "--folder", "deep/config"]) == 1

    assert capsys.readouterr().out.startswith("a.yaml:11: ")


def test_a_fault_cannot_recolour_the_terminal(project: Path, capsys: Out) -> None:
    spoil(project, "{ask: agents,", '{ask: "\\e[31magents",')

    run(["config", "check"])

    assert "\x1b" not in capsys.readouterr().out


def test_explaining_shows_every_effective_value_with_its_line_and_layer(project: Path, capsys: Out) -> None:
    (project / "config/stores.yaml").write_text(
        "groups:\n  eu:\n    types: {claim.pay: {title: Claim}}\nlocations:\n  store-1:\n    groups: [eu]\n"
    )

    assert run(["config", "explain", "store-1", "claim.pay"]) == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["PATH", "VALUE", "FROM", "LAYER"]
    assert ["types.claim.pay.title", '"Claim"', "config/stores.yaml:3", "group", "eu"] in lines
    assert ["plans.claims.fallback.hold", '"24h"', "config/claims.yaml:12", "organisation"] in lines


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["store", "claim.pay"], "#/location there is no location `store`"),
        (["default", "claim.pya"], "#/type there is no question type `claim.pya`; did you mean `claim.pay`?"),
    ],
)
def test_explaining_what_is_not_there_names_the_nearest(
    asked: list[str], said: str, project: Path, capsys: Out
) -> None:
    assert run(["config", "explain", *asked]) == 1

    assert said in capsys.readouterr().err


ROUTED = """\
schedules: {lunch: {hours: {daily: 11:30-13:30}, types: {claim.pay: {lane: realtime}}}}
plans:
  people: {stages: [{ask: agents, timeout: 1h}], fallback: {answer: refuse}}
"""


def test_a_question_is_routed_and_every_other_route_says_why_not(project: Path, capsys: Out) -> None:
    spoil(
        project,
        "routes: [",
        ROUTED.partition("plans:\n")[0].join(["", ""])
        + "routes: [{type: claim.pay, plan: people, when: 'stake > 100.0'}, ",
    )
    claims = project / "config/claims.yaml"
    claims.write_text(claims.read_text().replace("plans:\n", "plans:\n" + ROUTED.partition("plans:\n")[2]))
    question = {"type": "claim.pay", "evidence": {"amount": "1", "text": ""}}
    small, large = ({**question, "stake": {"amount": amount, "currency": "USD"}} for amount in ("99", "101"))
    (project / "small.json").write_text(json.dumps(small))
    (project / "large.json").write_text(json.dumps(large))
    lunch = ["config", "route", "default", "claim.pay", "--at", "2026-03-02T12:00"]

    assert run([*lunch, "--request", "small.json"]) == 0
    shown = capsys.readouterr().out.splitlines()
    run([*lunch, "--request", "large.json", "--json"])
    routed = json.loads(capsys.readouterr().out)

    assert shown[0] == "plan claims: claim-risk@1, agents; lane realtime (Mon 2026-03-02 12:00 UTC, lunch holds)"
    assert [line.split("  ")[0] for line in shown[1:]] == ["ROUTE", "routes[0]", "routes[1]"]
    assert "`stake > 100.0` does not hold" in shown[2]
    assert (routed["plan"], routed["schedule"]) == ("people", "lunch")
    assert [each["why"] for each in routed["considered"]] == ["taken: `stake > 100.0` holds", "an earlier one is taken"]
    assert run(["config", "route", "default", "claim.pai"]) == 1
    assert "did you mean `claim.pay`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("time", "status"), [("2027-03-14T01:59", 0), ("2027-03-14T02:20", 1), ("2027-03-14T03:00", 0)]
)
def test_no_plan_is_shown_for_a_time_that_the_clock_goes_past(project: Path, capsys, time, status):
    claims = project / "config/claims.yaml"
    claims.write_text(claims.read_text() + "organisation: {time_zone: America/New_York}\n")

    assert run(["config", "route", "default", "claim.pay", "--at", time]) == status
    assert ("never shown by a clock in America/New_York" in capsys.readouterr().err) == bool(status)
