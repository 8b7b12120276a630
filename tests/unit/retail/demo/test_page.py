import json
import re
from dataclasses import replace

import pytest
from tests.unit.retail.demo.test_earning import a_slice

from adjudge_retail.demo.cases import folder_sources
from adjudge_retail.demo.counting import Count
from adjudge_retail.demo.earning import Earning
from adjudge_retail.demo.figures import Row
from adjudge_retail.demo.page import page
from adjudge_retail.demo.release import Release
from adjudge_retail.demo.report import Report
from adjudge_retail.demo.script import write_script
from adjudge_retail.labelled import read_set

ROW = Row("i-1", "d-1", "a", "reviewer", 3, 1, 10.0, "item.label", "store-01", "fresh", "a", audit_votes=1)


@pytest.fixture
def report(make_set):
    """People answer eighty questions; the model eighty more alone, and is made worse for the last twenty."""
    script = write_script(folder_sources(read_set(make_set(deciders=["m@1"]))), 200, speed=None, seed=1, run="r")
    rows = [replace(ROW, asked_seconds=float(number)) for number in range(80)]
    rows += [replace(ROW, source="model", votes=0, audit_votes=0, asked_seconds=80.0 + n) for n in range(60)]
    rows += [replace(row, answer="b", mixed_up=True, asked_seconds=row.asked_seconds + 60) for row in rows[80:100]]
    rows = [replace(row, settled_seconds=row.asked_seconds + 0.5) for row in rows]
    earning = Earning()
    for seconds, one in [(80, a_slice("c-1")), (155, a_slice(None, "suspended"))]:
        earning.hear([one], seconds, lambda _: 80)
    return Report(
        script=script,
        rows=rows,
        count=Count(accepted=160, settled=160, lost=0, settled_twice=0, not_in_ledger=0),
        refused={},
        seconds=170,
        latest_seconds=0.1,
        earning=earning,
        release=Release(key=("item.label", "fresh"), asked=140, seconds=140.0),
    )


def test_the_page_stands_alone_and_has_its_figures(report):
    told = page(report)

    assert not re.findall(r'(?:src|href)="|https?://(?!www.w3.org)|\{\{', told)
    facts = json.loads(told.partition('id="facts">')[2].partition("</script>")[0])
    [fresh] = [one for one in facts["slices"] if one["group"] == "fresh"]
    assert [turn["what"] for turn in fresh["turns"]] == ["certified", "suspended"]
    assert (fresh["automated"], fresh["error_automated"], fresh["error_automated_before"]) == (80, 0.25, 0.0)
    assert fresh["saved"] == 1
    assert facts["release"]["wrong"] == 20
    [votes] = [one for one in facts["votes"] if one["group"] == "fresh"]
    assert votes["points"][0][1] == 3
    assert votes["points"][-1][1] == 0
    assert votes["usual"] == 2
    assert facts["risk"][0]["points"][-1] == [1.0, 0.0]


def test_the_report_says_how_a_certificate_was_lost(report):
    told = report.as_json()

    assert told["made_worse"]["automated"] == 20
    assert told["made_worse"]["suspended_seconds"] == 155
    assert report.suspension is not None


def test_what_is_given_cannot_end_the_script_element(report):
    script = replace(report.script, run="</script>")
    earning = Earning()
    earning.hear([a_slice("</script>")], 1, lambda _: 1)

    told = page(replace(report, script=script, earning=earning))

    assert told.count("</script>") == page(report).count("</script>")
