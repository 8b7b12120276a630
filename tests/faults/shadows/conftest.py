"""Stacks of these tests, each with its own configuration."""

from tests.stacks import build_stack

__all__ = ["build_stack"]
