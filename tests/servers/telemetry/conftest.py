"""The running stack of these tests."""

from tests.stacks import stack

__all__ = ["stack"]
