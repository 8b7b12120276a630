"""The running stack of these tests."""

from tests.stacks import build_stack, stack

__all__ = ["build_stack", "stack"]
