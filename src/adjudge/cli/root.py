"""All commands by name. Modules are imported when their command is: `adjudge --help` starts at once.

Status: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.
"""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from adjudge import __version__
from adjudge.cli.refusing import Refused, report
from adjudge.core.errors import AdjudgeError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives: a function, or a `Typer` of several."""

    module: str
    name: str
    help: str

    def load(self, name: str) -> Any:
        """Import the command."""
        found = getattr(import_module(self.module), self.name)
        app = found if isinstance(found, typer.Typer) else _app_of(name, found, self.help)
        command = typer.main.get_command(app)
        command.name, command.help = name, command.help or self.help
        return command


COMMANDS: Mapping[str, Entry] = {
    "init": Entry("adjudge.cli.initialising", "init", "Make a project folder with an example to change."),
    "config": Entry("adjudge.cli.config_commands", "app", "Check, explain, publish and roll back the configuration."),
    "try": Entry("adjudge.cli.trying", "try_questions", "Put questions to plan and models; nothing is stored."),
    "up": Entry("adjudge.cli.up", "up", "Run everything on this machine."),
    "demo": Entry("adjudge.cli.demo", "app", "Watch an installed pack at work."),
    "ask": Entry("adjudge.cli.asking", "ask", "Ask a question."),
    "review": Entry("adjudge.cli.reviewing", "review", "Answer as a person, at this terminal."),
    "decisions": Entry("adjudge.cli.decisions", "app", "List, explain, cancel decisions; record what was true."),
    "outcomes": Entry("adjudge.cli.outcomes", "app", "Follow the feed of all outcomes."),
    "automation": Entry("adjudge.cli.automation", "app", "See what is automated, on which evidence."),
    "queues": Entry("adjudge.cli.queues", "queues", "Show what waits for people."),
    "reviewers": Entry("adjudge.cli.reviewers", "app", "Add and list the people who answer."),
    "deciders": Entry("adjudge.cli.deciders", "app", "List whoever can be asked."),
    "switches": Entry("adjudge.cli.switches", "app", "Switch deciders or automation off and on at once."),
    "keys": Entry("adjudge.cli.keys", "app", "Make, list, rotate, limit and revoke API keys."),
    "journal": Entry("adjudge.cli.journal", "journal", "Read who changed what, and who looked at evidence."),
    "webhooks": Entry("adjudge.cli.webhooks", "app", "Have outcomes sent to addresses of yours."),
    "api": Entry("adjudge.cli.roles", "api", "Run the HTTP API."),
    "worker": Entry("adjudge.cli.roles", "worker", "Run a worker: it asks deciders and settles."),
    "keeper": Entry("adjudge.cli.roles", "keeper", "Run a keeper: timers, re-sending, housekeeping."),
    "top": Entry("adjudge.cli.top", "top", "Watch rates, coverage, what is open, breakers and queues."),
    "streams": Entry("adjudge.cli.streams", "app", "Look after workers and their messages, or run an app of your own."),
    "export": Entry("adjudge.cli.exporting", "export", "Write settled decisions as a labelled set."),
    "backtest": Entry("adjudge.cli.backtesting", "backtest", "Compare people, models and certified automation."),
    "roi": Entry("adjudge.cli.roi", "roi", "Show what automation is worth a day, from the live record."),
    "import": Entry("adjudge.cli.importing", "import_set", "Bring past decisions in from a labelled set."),
    "retention": Entry("adjudge.cli.retaining", "retention", "Show or drop what is older than it may be kept."),
    "erase": Entry("adjudge.cli.erasing", "erase", "Erase a subject: evidence and subject go, figures stay."),
    "settings": Entry("adjudge.cli.environment", "settings", "Show what a process is given, and from where."),
    "db": Entry("adjudge.cli.database", "app", "Bring the database's schema up to date."),
}


class Root(TyperGroup):
    """The group of all commands, each imported when it is named."""

    def __init__(self) -> None:
        placeholders: dict[str, Any] = dict.fromkeys(COMMANDS)
        super().__init__(name="adjudge", commands=placeholders, rich_markup_mode=None, no_args_is_help=True)
        self.params += typer.main.get_group(_before_commands).params
        self.help = "Adjudge: ask a question, get one kind of answer, whoever decided."

    def get_command(self, _: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        return entry.load(cmd_name) if entry else None

    def format_commands(self, _: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


def run(arguments: Sequence[str]) -> int:
    """Run a command; return the status of the process."""
    try:
        Root().main(list(arguments), prog_name="adjudge")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Refused as refusal:
        return report(str(refusal))
    except AdjudgeError as error:
        return report(_pointed(error))
    except Exception as error:  # the last place: a fault of ours is one line too, unless it is being hunted
        if os.environ.get("ADJUDGE_DEBUG"):
            traceback.print_exc(file=sys.stderr)
        return report(f"{type(error).__name__}: {error} (ADJUDGE_DEBUG=1 shows where)")
    return 0


def _say_version(asked: bool) -> None:
    if asked:
        print(f"adjudge {__version__}")
        raise typer.Exit


_before_commands = typer.Typer(rich_markup_mode=None, add_completion=False)


@_before_commands.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """What may stand before a command."""


def _pointed(error: AdjudgeError) -> str:
    return error.detail if error.pointer == "#" else f"{error.pointer} {error.detail}"


def _app_of(name: str, function: Any, help_text: str) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    app.command(name, help=function.__doc__ or help_text)(function)
    return app
