"""As whom PostgreSQL runs, which refuses to be root.

Root runs it in a user namespace, where our files stay ours and binaries below a closed home
folder stay readable. Where namespaces are forbidden (many containers), it becomes `nobody`, gets
its data folder as its own, and, if it cannot read the binaries, a copy of them.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adjudge.stack.binaries import PostgresBinaries, postgres_binaries
from adjudge.stack.children import Order, run
from adjudge.stack.errors import NoPermission, NotSpawned, death_of
from adjudge.stack.folders import Layout
from adjudge.stack.guard import NOBODY
from adjudge.stack.server import last_words

PROBE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Installation:
    """Binaries, and the identity under which they were seen to run."""

    bin: Path
    identity: str

    def give(self, *folders: Path) -> None:
        """Make the folders, with all in them, the identity's own."""
        if os.geteuid() == 0:
            uid, gid = map(int, self.identity.split(":")) if ":" in self.identity else (0, 0)
            for folder in folders:
                if folder.stat().st_uid != uid:
                    _chown_tree(folder, uid, gid)


async def installation(layout: Layout) -> Installation:
    """The first identity under which the binaries run. Raises StackError."""
    binaries = postgres_binaries()
    if os.geteuid() != 0:
        return await _proven(layout, binaries, "same")
    try:
        return await _proven(layout, binaries, "namespace")
    except (NotSpawned, NoPermission):  # namespaces are forbidden, or only a privileged root reads the binaries
        return await _as_nobody(layout, binaries)


async def _as_nobody(layout: Layout, binaries: PostgresBinaries) -> Installation:
    identity = f"{NOBODY}:{NOBODY}"
    os.chown(layout.folder, 0, NOBODY)
    layout.folder.chmod(0o710)  # it may pass, not look
    try:
        return await _proven(layout, binaries, identity)
    except (NotSpawned, NoPermission):
        copy = binaries.copied_to(layout.folder)
    try:
        return await _proven(layout, copy, identity)
    except (NotSpawned, NoPermission) as error:
        raise NoPermission(
            f"user nobody cannot enter {layout.folder}, and PostgreSQL refuses to be root: choose another folder"
        ) from error


async def _proven(layout: Layout, binaries: PostgresBinaries, identity: str) -> Installation:
    """Have the server print its version: this needs the identity, the binary and its libraries."""
    log = layout.log("identity")
    log.unlink(missing_ok=True)
    order = Order(
        command=[str(binaries.bin / "postgres"), "--version"],
        folder=layout.folder,
        log=log,
        identity=identity,
        env=os.environ,
    )
    status = await run(order, timeout_seconds=PROBE_SECONDS)
    if status != 0:
        raise death_of("PostgreSQL", f"cannot be run (status {status})", log, last_words(log, 0))
    return Installation(binaries.bin, identity)


def _chown_tree(folder: Path, uid: int, gid: int) -> None:
    os.chown(folder, uid, gid)
    for parent, names, files in os.walk(folder):
        for name in names + files:
            os.chown(Path(parent, name), uid, gid, follow_symlinks=False)
