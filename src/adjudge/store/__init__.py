"""PostgreSQL, the truth: one module per aggregate, all SQL is here.

Functions take the connection, so that the caller owns the transaction. Whatever serves a caller of
the API takes a `Scope` and applies it in SQL.
"""
