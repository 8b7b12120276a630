"""The worked example of docs/explanation/earned-automation.md, computed again."""

import math
import re
from pathlib import Path

import pytest

from adjudge.automation import betting, binomial
from adjudge.automation.binomial import divergence, tail

PAGE = (Path(__file__).parents[3] / "docs" / "explanation" / "earned-automation.md").read_text(encoding="utf-8")
AUDITS, ERRORS, TARGET, DELTA = 1_264, 5, 0.01, 0.1


def test_what_the_page_says_of_one_look_is_so():
    needed = ", ".join(str(binomial.audits_needed(k, TARGET, DELTA)) for k in (0, 1, 5))

    assert said(r"P\(Bin\(1264, 0\.01\) ≤ 5\) = ([\d.]+)") == round(tail(ERRORS, AUDITS, TARGET), 4)
    assert said(r"upper bound of the risk is ([\d.]+)%") == round(100 * binomial.upper_bound(ERRORS, AUDITS, DELTA), 2)
    assert needed == ", ".join(
        re.search(r"no error (\d+) audits would have been enough, with one (\d+), with five (\d+)", PAGE).groups()
    )


def test_what_the_page_says_of_any_number_of_looks_is_so():
    found = re.search(r"at no error (\d+) audits, at one (\d+), at five ([\d,]+)", PAGE).groups()

    assert said(r"The capital stands at ([\d.]+)") == round(math.exp(betting.log_capital(AUDITS, ERRORS, TARGET)), 1)
    assert [int(text.replace(",", "")) for text in found] == [
        betting.audits_needed(k, TARGET, DELTA) for k in (0, 1, 5)
    ]


def test_what_the_page_says_of_unanimity_is_so():
    bound = binomial.upper_bound(1, 3_000, DELTA / 2)

    assert said(r"unanimity's error is below ([\d.]+)%") == round(100 * bound, 3)
    assert said(r"the target becomes ([\d.]+)%") == round(100 * (TARGET - bound), 3)
    assert said(r"P\(Bin\(1264, 0\.00842\) ≤ 5\) = ([\d.]+)") == round(tail(ERRORS, AUDITS, TARGET - bound), 4)


def test_what_the_page_says_of_delays_is_so():
    assert said(r"2\.996 / ([\d.]+) = 765") == round(divergence(0.02, 0.01), 6)
    for pattern, times in ((r"fewer than (\d+) audited", 2), (r"risk in (\d+), a", 5), (r"tenfold one in (\d+)\.", 10)):
        assert said(pattern) == round(math.log(20) / divergence(times / 100, 0.01))


def said(pattern: str) -> float:
    found = re.search(pattern, PAGE)
    if found is None:
        pytest.fail(f"the page does not say {pattern!r}")
    return float(found[1])
