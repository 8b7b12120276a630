"""Adjudge: a configurable proxy between AI models and human reviewers."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("adjudge")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0"
