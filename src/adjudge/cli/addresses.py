"""What is said of an address of a database that is none. Apart, as processes need it that load no client of the API."""

import ssl

import asyncpg


def why_unusable(error: ValueError) -> str:
    """Say why an address of a database is none, in our words where its own may be a part of a password."""
    if isinstance(error, asyncpg.InterfaceError | ssl.SSLError | ssl.CertificateError):
        return str(error)
    return "it is no address of a database; in a password # / ? @ [ are written %23 %2F %3F %40 %5B"
