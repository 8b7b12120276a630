"""`adjudge streams dead | replay | drop`: messages that were given up, and what becomes of them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from adjudge.cli.output import Column, as_json, plain, table
from adjudge.cli.refusing import Refused
from adjudge.cli.streams.finding import PREFIX, Json, Name, Prefix, RedisUrl, ask, lanes_of
from adjudge.core.counting import counted
from adjudge.streams import DeadLetter, Streams

COLUMNS = (
    Column("ID"),
    Column("LANE"),
    Column("DIED"),
    Column("TRIES", right=True),
    Column("ERROR"),
    Column("DETAIL"),
)
DETAIL_WIDTH = 60
BODY_WIDTH = 2000
PAGE = 100

Error = Annotated[str | None, typer.Option("--error", help="Only those whose error has this in its name or text.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids as `adjudge streams dead` shows them.")]
All = Annotated[bool, typer.Option("--all", help="All there are, or all with --error.")]


def dead(
    name: Name,
    letter_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Show this one with all it knows.")] = None,
    error: Error = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Most letters to list.")] = 50,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    json_: Json = False,
) -> None:
    """List the dead letters of a name, oldest first, or show one."""
    if letter_id is not None:
        _require_id(letter_id)
        letter = ask(redis_url, prefix, lambda streams: _letter(streams, name, letter_id))
        print(as_json(_document(letter)) if json_ else "\n".join(_described(letter)))
        return

    async def question(streams: Streams) -> list[DeadLetter]:
        await lanes_of(streams, name)
        found: list[DeadLetter] = []
        async for page in _pages(streams, name, error):
            found += page[: limit - len(found)]
            if len(found) == limit:
                break
        return found

    letters = ask(redis_url, prefix, question)
    print(as_json([_document(each) for each in letters]) if json_ else "\n".join(table(COLUMNS, map(_row, letters))))


def replay(
    name: Name,
    ids: Ids = None,
    all_: All = False,
    error: Error = None,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    json_: Json = False,
) -> None:
    """Publish dead letters anew, without their past."""
    _require_choice(ids, all_, error)

    async def question(streams: Streams) -> int:
        return await _each(streams, name, ids, error, streams.dead_letters.replay)

    count = ask(redis_url, prefix, question)
    print(as_json({"name": name, "replayed": count}) if json_ else f"{count} replayed")


def drop(
    name: Name,
    ids: Ids = None,
    all_: All = False,
    error: Error = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    json_: Json = False,
) -> None:
    """Delete dead letters for good."""
    _require_choice(ids, all_, error)
    if all_ and not yes:
        typer.confirm(f"Delete all dead letters of {name}{f' with {error!r}' if error else ''}?", abort=True, err=True)

    async def question(streams: Streams) -> int:
        return await _each(streams, name, ids, error, streams.dead_letters.discard)

    count = ask(redis_url, prefix, question)
    print(as_json({"name": name, "dropped": count}) if json_ else f"{count} dropped")


def _require_choice(ids: Sequence[str] | None, all_: bool, error: str | None) -> None:
    if bool(ids) == all_:
        raise typer.BadParameter("give ids, or --all", param_hint="ID")
    if error is not None and not all_:
        raise typer.BadParameter("it chooses among --all", param_hint="--error")
    for each in ids or ():
        _require_id(each)


def _require_id(text: str) -> None:
    if not re.fullmatch(r"\d{1,20}-\d{1,20}", text):
        raise typer.BadParameter(f"{text!r} is not like 1795479088167-0", param_hint="ID")


async def _each(
    streams: Streams,
    name: str,
    ids: Sequence[str] | None,
    error: str | None,
    action: Callable[[str, Sequence[str]], Awaitable[int]],
) -> int:
    """Act on these ids, or on all; return on how many. Raises Refused when an id is none."""
    lanes = await lanes_of(streams, name)
    if ids is not None and ids:
        done = await action(name, ids)
        if done < len(set(ids)):
            missing = counted(len(set(ids)) - done, "id is no dead letter", "ids are no dead letters")
            raise Refused(f"{done} done; {missing} of {name}")
        return done
    left, done = (await streams.depth(name, lanes)).dead, 0
    async for page in _pages(streams, name, None):
        chosen = [letter.id for letter in page[:left] if _has(letter, error)]
        done += await action(name, chosen) if chosen else 0
        left -= len(page)
        if left <= 0:  # those that have died since, perhaps of being replayed
            break
    return done


async def _pages(streams: Streams, name: str, error: str | None) -> AsyncIterator[list[DeadLetter]]:
    after = ""
    while page := await streams.dead_letters.page(name, after=after, limit=PAGE):
        yield [letter for letter in page if _has(letter, error)]
        after = page[-1].id


async def _letter(streams: Streams, name: str, letter_id: str) -> DeadLetter:
    await lanes_of(streams, name)
    if found := await streams.dead_letters.get(name, letter_id):
        return found
    raise Refused(f"{name} has no dead letter {letter_id}")


def _has(letter: DeadLetter, error: str | None) -> bool:
    return error is None or error in letter.error or error in letter.detail


def _document(letter: DeadLetter) -> dict[str, Any]:
    """All fields; the body as text where it is some, else as base64."""
    fields = {name: getattr(letter, name) for name in letter.__struct_fields__} | {"headers": dict(letter.headers)}
    try:
        return {**fields, "body": letter.body.decode()}
    except UnicodeDecodeError:
        return {**fields, "body_base64": fields.pop("body")}


def _row(letter: DeadLetter) -> tuple[str, ...]:
    detail = plain(letter.detail)
    cut = detail if len(detail) <= DETAIL_WIDTH else f"{detail[: DETAIL_WIDTH - 1]}…"
    tries = str(len(letter.history) + letter.crashes)
    return (letter.id, letter.lane, _at(letter.died_at), tries, letter.error.removeprefix("builtins."), cut)


def _described(letter: DeadLetter) -> list[str]:
    body = plain(letter.body[:BODY_WIDTH].decode(errors="backslashreplace"))
    facts = {
        "id": letter.id,
        "origin": letter.origin,
        "lane": letter.lane,
        "key": letter.key,
        "trace": letter.trace,
        "published": _at(letter.published_at),
        "died": _at(letter.died_at),
        "error": f"{letter.error}: {letter.detail}",
        "crashes": str(letter.crashes) if letter.crashes else "",
        "headers": ", ".join(f"{name}={value}" for name, value in letter.headers.items()),
        "body": f"{body}… ({len(letter.body)} bytes)" if len(letter.body) > BODY_WIDTH else body,
    }
    lines = [f"{name:<10}{plain(value)}" for name, value in facts.items() if value]
    lines += [f"{'failed':<10}{_at(each.at)}  {plain(each.error)}: {plain(each.detail)}" for each in letter.history]
    return [*lines, "", *(plain(line) for line in letter.traceback.rstrip().splitlines())]


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
