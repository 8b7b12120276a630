"""Adjudge: a configurable proxy between AI models and human reviewers."""
