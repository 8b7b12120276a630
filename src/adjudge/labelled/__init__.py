"""Labelled sets: folders with items, models' scores, people's answers and what was true.

Written from the live record, and read as a record of the past. The layout is in `docs/reference/labelled-sets.md`.
"""
