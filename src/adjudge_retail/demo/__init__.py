"""The demo: a labelled set replayed as a stream of store events through the real system.

A client like any other: its own process, HTTP only. It counts what became of its questions in the
database afterwards, against its own ledger of what was accepted.
"""
