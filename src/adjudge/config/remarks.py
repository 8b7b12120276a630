"""Remarks about a sound configuration: probable slips, which are no faults because they may be intended."""

from collections.abc import Iterator

from adjudge.config.configuration import Configuration


def remarks(configuration: Configuration) -> Iterator[str]:
    """Yield a sentence for each, with its place."""
    for never in configuration.unearnable():
        yield f"never certified: {never.type}, plan {never.plan}: {never.why} ({never.origin})"
    for lasting in configuration.lasting():
        yield (
            f"provisional until the deadline: {lasting.type}, plan {lasting.plan}: "
            f"nobody is asked before it who could make the answer final ({lasting.origin})"
        )
    for each in configuration.outgrown():
        yield (
            f"{each.slices} slices of {each.type} share the error budget of a `family` of {each.family}: "
            f"those tested last are never certified ({each.origin})"
        )
    for unread in configuration.unread():
        hint = f"; did you mean `{unread.nearest}`?" if unread.nearest else ""
        yield f"nothing reads the {unread.what} `{unread.name}` of {unread.layer}{hint} ({unread.origin})"
    for unset in configuration.unset():
        hint = f"; did you mean `{unset.nearest}`?" if unset.nearest else ""
        where = f"no location at which `{unset.condition}` is in force"
        yield f"{where} has the attribute `{unset.attribute}`{hint} ({unset.origin})"
    for alike in configuration.look_alikes():
        yield f"hard to tell apart: the answers `{alike.one}` and `{alike.other}` to {alike.type} ({alike.origin})"
    for name, origin in configuration.empty_groups().items():
        yield f"no location is in the group `{name}` ({origin})"
