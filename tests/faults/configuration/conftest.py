"""Stacks of a test's own."""

from tests.stacks import build_stack

__all__ = ["build_stack"]
