"""Commands of several words: `adjudge keys create`."""

import typer


def group(help_text: str) -> typer.Typer:
    """Return an empty group; plain help, the same in a pipe as on a terminal."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
