"""What `adjudge up` does with its folder: it publishes it, or says why the published configuration stays."""

from collections.abc import Mapping

from adjudge.cli.folders import Folder
from adjudge.config import InvalidConfiguration, hash_of
from adjudge.store.configuration import revisions
from adjudge.store.configuration.revisions import Revision
from adjudge.store.connecting import Connection, open_connection
from adjudge.store.scope import Scope

UP = Scope("adjudge up", "admin")


async def publish_folder(folder: Folder, database_url: str) -> str | None:
    """Put the folder in force where it is new: who works in it expects what it says.

    What somebody else has published since stays, a roll back above all, and nothing goes past a second person who
    must agree. Returns what is to be told: what was replaced, or why it was not.
    """
    async with open_connection(database_url) as connection:
        before = await revisions.newest(connection)
        like = await revisions.documents(connection, before.number) if before else None
        documents = folder.read(like)
        hash_ = hash_of(documents)
        if before is not None and like is not None:
            if hash_ == before.hash:
                return None
            if stays := await _why_it_stays(connection, folder, before, like, hash_):
                return f"{stays}; revision {before.number} stays in force"
        folder.compile(documents, 0)
        terms = revisions.Terms(message="adjudge up")
        published = await revisions.publish(connection, UP, hash_, documents, terms)
    if before is None:
        return None
    return f"{folder.path} has changed: published as revision {published.number}, {before.number} was in force"


async def _why_it_stays(
    connection: Connection, folder: Folder, before: Revision, documents: Mapping[str, str], hash_: str
) -> str | None:
    """Return why the folder does not replace what is in force; None: it does."""
    known = await revisions.of_hash(connection, hash_)
    if known is not None and before.author != UP.principal:
        return f"{folder.path} was published as revision {known} (`adjudge config apply {folder.path}` does so again)"
    try:
        approvals = folder.compile(documents, before.number).organisation.approvals
    except InvalidConfiguration:
        return None
    if approvals:
        return f"{folder.path} has changed, and others must agree (`adjudge config propose {folder.path}`)"
    return None
