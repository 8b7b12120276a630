"""`adjudge init`: a project folder that works, with an example to change."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer

from adjudge.cli.output import as_json
from adjudge.cli.refusing import Refused

TEMPLATES: Final[Mapping[str, str]] = {
    "config/claims.yaml": "config/claims.yaml.template",
    "deciders.py": "deciders.py.template",
    "questions.jsonl": "questions.jsonl.template",
    "README.md": "README.md.template",
    ".gitignore": "gitignore.template",
}
"""What is made, and of which file of this package."""


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The folder to make.")],
    as_json_: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Make a project folder: a question, a model, people, and questions to try. Nothing is overwritten."""
    folder = Path(name)
    try:
        taken = [made for made in TEMPLATES if (folder / made).exists()]
        if taken:
            raise Refused(f"{folder} has {', '.join(taken)} already: nothing was written")
        _make(folder)
    except OSError as error:
        raise Refused(f"cannot make {error.filename}: {error.strerror}") from None
    if as_json_:
        print(as_json({"folder": str(folder.resolve()), "files": list(TEMPLATES)}))


def _make(folder: Path) -> None:
    templates = files("adjudge.cli") / "templates"
    for made, template in TEMPLATES.items():
        target = folder / made
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as stream:
            stream.write((templates / template).read_text(encoding="utf-8"))
