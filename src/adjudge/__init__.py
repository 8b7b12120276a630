"""Adjudge: a configurable proxy between AI models and human reviewers."""

__version__ = "0.1.0"
"""As in pyproject.toml; written here, because asking the installed package takes longer than most commands' imports."""
