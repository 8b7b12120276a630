"""Models that are slow, stuck, dying or dead: each defers, and none takes the worker with it."""

import asyncio
import json
import os
import re
import signal
import sys
import threading
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from tests.unit.deciders.asking import a_question, a_spec, asking, opened, questions, sure

from adjudge.deciders import Answered, DeciderUnavailable

SHORT = timedelta(milliseconds=100)
LONG = timedelta(seconds=30)
MODELS = """
import asyncio, os, re, signal, sys, time

def model(questions, **settings):
    print("models may print")
    return [answer(question.evidence["amount"]) for question in questions]

async def async_model(questions):
    return model(questions)

def single(question):
    return answer(question.evidence["amount"])

def answer(amount):
    match amount:
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exits":
            os._exit(3)
        case "sys.exit":
            sys.exit("no licence")
        case "raises":
            raise ValueError("broken")
        case "sleeps":
            time.sleep(600)
        case "blocks":  # never lets go of the interpreter
            print("BLOCKED", file=sys.stderr, flush=True)
            re.match(r"(a+)+$", "a" * 64 + "b")
        case "nan":
            return {"pay": float("nan")}
        case "forks":
            os.open(os.path.join(os.path.dirname(__file__), "held"), os.O_WRONLY)
            if os.fork() == 0:
                time.sleep(600)
        case "fork that comes back":
            fork = os.fork()
            if fork == 0:
                sys.exit(3)
            return [({"status": os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])}, 1.0)]
        case "urgency":
            with open("/proc/self/autogroup") as group:
                return [({"niceness": os.nice(0), "of its session": int(group.read().split()[-1])}, 1.0)]
        case "pid":
            return [({"pid": os.getpid()}, 1.0)]
        case "huge":
            return {"pay": 10**400}
    return {"pay": 0.75, "refuse": 0.25}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models.py").write_text(MODELS)
    return tmp_path


@asynccontextmanager
async def in_process(folder: Path, function: str = "model", **changes):
    values = {"isolate": "process", "timeout": LONG, "concurrency": 1, **changes}
    async with opened(a_spec(f"models:{function}", **values), folder) as bench:
        yield bench


async def test_a_function_that_overran_defers_keeps_its_thread_and_comes_back():
    gate, entered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def model(questions):
        if questions[0].evidence["amount"] == "slow":
            loop.call_soon_threadsafe(entered.set)
            gate.wait(60)
        return [sure() for _ in questions]

    async with asking(model, timeout=SHORT, concurrency=2, retries=3) as bench:
        (late,) = await bench.ask(a_question("slow"))

        assert (late.fault, late.detail) == ("timeout", "no answer within 0.1 s")
        assert entered.is_set()
        assert (bench.state.busy, bench.state.lost) == (1, 1)
        assert await bench.faults(a_question()) == [None]

        gate.set()
        assert await bench.faults(*questions(1, 2)) == [None, None]
        async with asyncio.timeout(10):
            while bench.state.lost:
                await bench.ask(a_question())
        assert bench.state.busy == 0


async def test_when_all_threads_are_stuck_the_loop_goes_on_and_the_breaker_says_so():
    gate = threading.Event()

    def model(questions):
        gate.wait(60)
        return [sure() for _ in questions]

    try:
        async with asking(model, timeout=SHORT, concurrency=1, breaker_failures=2) as bench:
            assert await bench.faults(a_question()) == ["timeout"]
            (unasked,) = await bench.ask(a_question())

            assert unasked.fault == "timeout"
            assert unasked.detail == "none of its 1 places came free: calls that overran hold them, or they restart"
            assert (unasked.cost_micros, unasked.seconds) == (0, 0.0)
            assert bench.state.breaker == "open"
            refused = asyncio.create_task(bench.faults(a_question()))
            await asyncio.sleep(0)
            assert refused.done()  # at once, not when a thread might have come free
            assert refused.result() == ["breaker"]
    finally:
        gate.set()


async def test_a_stuck_thread_keeps_neither_the_deciders_nor_python_from_ending(folder):
    """Run as a worker would: the process must end while its model sleeps for ten minutes."""
    script = folder / "worker.py"
    script.write_text(
        "import asyncio\n"
        "from datetime import timedelta\n"
        "from pathlib import Path\n"
        "from tests.unit.deciders.asking import a_question, a_spec, opened\n"
        "async def main():\n"
        f"    spec = a_spec('models:model', timeout=timedelta(seconds=0.1))\n"
        f"    async with opened(spec, Path({str(folder)!r})) as bench:\n"
        "        print(await bench.faults(a_question('sleeps')))\n"
        "asyncio.run(main())\n"
    )
    worker = await _python(script)

    async with asyncio.timeout(30):
        said, _ = await worker.communicate()

    assert worker.returncode == 0
    assert b"['timeout']" in said


async def test_an_async_function_that_overran_is_cancelled():
    ended = []

    async def model(questions):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async with asking(model, timeout=SHORT) as bench:
        assert await bench.faults(a_question()) == ["timeout"]
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert ended
        assert bench.state.lost == 0


async def test_an_async_function_that_refuses_to_be_cancelled_is_left_behind_and_counted():
    gate = asyncio.Event()

    async def model(questions):
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue
        return [sure() for _ in questions]

    async with asking(model, timeout=SHORT, concurrency=2) as bench:
        assert await bench.faults(a_question()) == ["timeout"]
        assert bench.state.lost == 1
        gate.set()
        assert await bench.faults(a_question()) == [None]


@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError(), RuntimeError("x")])
async def test_an_async_function_that_exits_or_cancels_itself_only_fails(error):
    async def model(questions):
        raise error

    async with asking(model) as bench:
        assert await bench.faults(a_question()) == ["error"]


async def test_a_caller_that_is_cancelled_leaves_the_place_to_the_next():
    entered = asyncio.Event()

    async def model(questions):
        if questions[0].evidence["amount"] == "slow":
            entered.set()
            await asyncio.Event().wait()
        return [sure() for _ in questions]

    async with asking(model, concurrency=1) as bench:
        caller = asyncio.create_task(bench.ask(a_question("slow")))
        await entered.wait()
        caller.cancel()
        await asyncio.wait({caller})

        assert caller.cancelled()
        assert await bench.faults(a_question()) == [None]


@pytest.mark.parametrize("function", ["model", "async_model", "single"])
async def test_a_model_in_a_process_answers_like_any_other(folder, function):
    async with in_process(folder, function) as bench:
        answers = await bench.ask(*questions("1.00", "nan", "raises", "huge", 10**30))

    assert answers[0].distribution == {"pay": 0.75, "refuse": 0.25}
    assert (answers[1].fault, answers[1].detail) == ("garbage", "'pay' has nan, which is not a probability")
    assert answers[2].detail.startswith("ValueError: broken (models.py:")
    assert answers[3].fault == "garbage"
    assert isinstance(answers[4], Answered)


async def test_a_process_is_kept_from_call_to_call(folder):
    async with in_process(folder) as bench:
        space = _structured()
        first, second = [(await bench.ask(a_question("pid", space=space)))[0].answer for _ in range(2)]

    assert first == second != f'{{"pid":{os.getpid()}}}'


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="niceness is that of the process alone here")
@pytest.mark.parametrize(("role", "niceness"), [("serving", 0), ("shadow", 19)])
async def test_a_process_in_shadow_stands_back_for_those_of_other_sessions(folder, role, niceness):
    """Promise 6. It leads a session, and Linux weighs sessions against each other, whatever is nice within them."""
    async with in_process(folder, role=role) as bench:
        (answer,) = await bench.ask(a_question("urgency", space=_structured()))

    assert json.loads(answer.answer) == {"niceness": min(19, os.nice(0) + niceness), "of its session": niceness}


@pytest.mark.parametrize(
    ("amount", "detail"),
    [("killed", "the model's process died (signal 9)"), ("exits", "the model's process died (exit status 3)")],
)
async def test_a_process_that_dies_fails_its_questions_alone_and_is_replaced(folder, amount, detail):
    async with in_process(folder) as bench:
        good, bad = await bench.ask(*questions("1.00", amount))

        assert isinstance(good, Answered)
        assert (bad.fault, bad.detail) == ("error", detail)
        assert await bench.faults(a_question()) == [None]
        assert (bench.state.lost, bench.state.busy) == (0, 0)


async def test_a_process_that_dies_between_calls_is_replaced_before_the_next(folder):
    async with in_process(folder) as bench:
        (answer,) = await bench.ask(a_question("pid", space=_structured()))
        os.kill(int(re.sub(r"\D", "", answer.answer)), signal.SIGKILL)

        # The kernel tells of the death at once, the pipe first or the status first.
        (first,) = await bench.ask(a_question())
        assert isinstance(first, Answered) or first.detail == "the model's process died (signal 9)"
        assert await bench.faults(a_question()) == [None]


async def test_sys_exit_in_a_process_is_an_error_of_the_call(folder):
    async with in_process(folder) as bench:
        (answer,) = await bench.ask(a_question("sys.exit"))

    assert answer.detail.startswith("SystemExit: no licence")


@pytest.mark.parametrize("function", ["model", "async_model"])
async def test_what_a_model_forks_answers_nothing_when_it_comes_back(folder, function):
    """A second answer to a call would be taken for that of the next."""
    async with in_process(folder, function) as bench:
        (before,) = await bench.ask(a_question("pid", space=_structured()))
        (told,) = await bench.ask(a_question("fork that comes back", space=_structured()))
        (after,) = await bench.ask(a_question("pid", space=_structured()))

    assert told.answer == '{"status":3}'
    assert after.answer == before.answer


async def test_a_model_that_never_lets_go_of_the_interpreter_is_killed_in_its_process(folder):
    async with in_process(folder, timeout=timedelta(seconds=5)) as bench:
        await bench.ask(a_question())
        quick = a_spec("models:model", isolate="process", timeout=SHORT, concurrency=1)
        async with opened(quick, folder) as impatient:
            assert await impatient.faults(a_question("blocks")) == ["timeout"]
            assert impatient.state.lost == 1

        assert await bench.faults(a_question()) == [None]


async def test_a_process_whose_caller_went_is_killed_and_replaced(folder):
    async with in_process(folder) as bench:
        caller = asyncio.create_task(bench.ask(a_question("blocks")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert bench.state.busy == 1
        caller.cancel()
        await asyncio.wait({caller})

        assert bench.state.lost == 1
        assert await bench.faults(a_question()) == [None]


async def test_what_a_model_started_ends_with_its_process(folder):
    os.mkfifo(folder / "held")
    with os.fdopen(os.open(folder / "held", os.O_RDONLY | os.O_NONBLOCK), "rb") as held:
        async with in_process(folder, timeout=timedelta(seconds=10)) as bench:
            assert await bench.faults(a_question("forks")) == [None]
            (bad,) = await bench.ask(a_question("killed"))

            assert bad.detail == "the model's process died (signal 9)"  # no time-out, though its pipes were held
            async with asyncio.timeout(10):
                await _ended(held)


async def test_a_module_that_cannot_be_imported_in_a_process_is_told_at_open(tmp_path):
    (tmp_path / "models.py").write_text("import no_such_library")

    with pytest.raises(DeciderUnavailable, match="No module named 'no_such_library'"):
        async with in_process(tmp_path):
            pass


async def test_a_module_that_kills_its_process_is_told_at_open(tmp_path):
    (tmp_path / "models.py").write_text("import os; os.abort()")

    with pytest.raises(DeciderUnavailable, match=r"models:model: the model's process died \(signal 6\) while"):
        async with in_process(tmp_path):
            pass


def _structured():
    from adjudge.core.answers import Structured

    return Structured('{"type":"object"}')


async def _ended(pipe: BinaryIO) -> None:
    """Wait until nobody holds the other end."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    await reader.read()
    transport.close()


async def _python(script: Path) -> asyncio.subprocess.Process:
    root = Path(__file__).parents[2]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(script)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
