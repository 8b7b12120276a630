"""A folder of the user's from which modules can be imported, for a time."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Put the folder first on `sys.path`; forget what came from it afterwards.

    So the next to open a folder reads its modules as they are then, and another project's `deciders.py`
    is not taken for this one's. Installed packages stay, even where their environment lies in the folder.
    """
    root = str(folder.resolve())
    before = set(sys.modules)
    sys.path.insert(0, root)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(root)
        _forget(Path(root), before)


def _forget(root: Path, before: set[str]) -> None:
    new = {name: module for name, module in list(sys.modules.items()) if name not in before}
    tops = {name for name, module in new.items() if "." not in name and _is_in(module, root)}
    for name in new:
        if name.partition(".")[0] in tops:
            sys.modules.pop(name, None)


def _is_in(module: ModuleType, root: Path) -> bool:
    """Return whether a top-level module is a file or a package of the folder itself."""
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    path = Path(file)
    return root in (path.parent.parent, path.parent) if path.name == "__init__.py" else path.parent == root
