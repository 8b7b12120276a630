import functools
import sys
from types import ModuleType

import pytest
from tests.unit.deciders.asking import questions, sure

from adjudge.deciders.functions import Garbled, Raised, Unusable, load

TWO = questions("1.00", "2.00")


@pytest.fixture
def named(monkeypatch):
    """Give functions a module, and return their `module:function`."""

    def name(function):
        module = ModuleType("some_model")
        module.function = function
        monkeypatch.setitem(sys.modules, "some_model", module)
        return "some_model:function"

    return name


def batched(questions):
    return [sure() for _ in questions]


async def batched_async(questions):
    return [sure() for _ in questions]


def single(question):
    return sure(question.evidence["amount"])


async def single_async(question):
    return sure(question.evidence["amount"])


class Model:
    def __call__(self, questions):
        return [sure() for _ in questions]

    def method(self, question):
        return sure()


class AsyncModel:
    async def __call__(self, questions):
        return [sure() for _ in questions]


def with_settings(questions, *, answer, strictly=True):
    return [sure(answer) for _ in questions]


@pytest.mark.parametrize(
    ("function", "is_single", "is_async"),
    [
        (batched, False, False),
        (batched_async, False, True),
        (single, True, False),
        (single_async, True, True),
        (Model(), False, False),
        (Model().method, True, False),
        (AsyncModel(), False, True),
        (functools.partial(with_settings, answer="pay"), False, False),
        (functools.partial(batched_async), False, True),
        (max, False, False),
    ],
)
def test_the_form_of_a_function_is_read_off_it(named, function, is_single, is_async):
    loaded = load(named(function), {})

    assert (loaded.is_single, loaded.is_async) == (is_single, is_async)


def test_settings_are_passed_by_keyword(named):
    assert load(named(with_settings), {"answer": "refuse"}).ask(TWO) == [{"refuse": 1.0}, {"refuse": 1.0}]


def test_a_generator_is_run_out_in_the_function_itself(named):
    def generating(questions):
        for question in questions:
            yield sure(question.evidence["amount"])

    assert load(named(generating), {}).ask(TWO) == [{"1.00": 1.0}, {"2.00": 1.0}]


@pytest.mark.parametrize(
    ("python", "settings", "why"),
    [
        ("no_such_module:f", {}, "no_such_module:f: ModuleNotFoundError: No module named 'no_such_module'"),
        ("math:no_such", {}, "math:no_such: AttributeError: module 'math' has no attribute 'no_such'"),
        ("math:floot", {}, "has no attribute 'floot'; did you mean `floor`?"),
        ("math:pi", {}, "math:pi: it is 3.14159"),
        ("math", {}, "math: AttributeError"),
        (f"{__name__}:with_settings", {}, "argument: 'answer'"),
        (f"{__name__}:batched", {"answer": 1}, "questions and the settings answer: got an unexpected keyword"),
    ],
)
def test_what_cannot_be_called_is_named_with_the_reason(python, settings, why, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[batched.__module__])

    with pytest.raises(Unusable) as raised:
        load(python, settings)

    assert why in str(raised.value)


def test_a_module_that_exits_on_import_is_only_unusable(tmp_path, monkeypatch):
    (tmp_path / "a_script_of_sorts.py").write_text("import sys\nsys.exit('usage: …')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(Unusable, match=r"SystemExit: usage: … \(a_script_of_sorts.py:2\)"):
        load("a_script_of_sorts:main", {})


def test_a_missing_library_is_told_with_the_line_that_wants_it(tmp_path, monkeypatch):
    (tmp_path / "a_model_in_need.py").write_text("\n\nimport no_such_library")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(Unusable, match=r"No module named 'no_such_library' \(a_model_in_need.py:3\)"):
        load("a_model_in_need:f", {})


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        ([], "it returned 0 results for 2 questions"),
        ([None] * 3, "it returned more results for 2 questions"),
        ({"pay": 1.0}, "it returned {'pay': 1.0}, not a result for each question"),
        ("ab", "it returned 'ab', not a result for each question"),
        (None, "it returned None, not a result for each question"),
    ],
)
def test_anything_but_a_result_for_each_question_is_garbled(named, returned, why):
    with pytest.raises(Garbled, match=why):
        load(named(lambda questions: returned), {}).ask(TWO)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), StopIteration()])
def test_whatever_a_function_raises_is_told(named, error):
    def raising(questions):
        raise error

    with pytest.raises(Raised, match=type(error).__name__):
        load(named(raising), {}).ask(TWO)
