"""Earned automation as arithmetic: what audits show, what may be licensed, when the licence goes.

What is promised, and by which formula, is in docs/explanation/earned-automation.md.

Pure: no I/O, no clock, no chance, and nothing of ours but `core`. It needs numpy, which the api and
the workers never load; what they need of it (a calibrator's value) is in `core`.
"""
