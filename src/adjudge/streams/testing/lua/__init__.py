"""Enough of Lua 5.1 for the scripts of this package, so that tests run these and no imitation of them."""

from adjudge.streams.testing.lua.running import Refused, Status, run_script
from adjudge.streams.testing.lua.translating import Unreadable

__all__ = ["Refused", "Status", "Unreadable", "run_script"]
