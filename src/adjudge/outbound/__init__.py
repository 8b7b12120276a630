"""Requests to addresses that configuration or callers name: model servers, webhooks.

Whoever can write a URL could have us reach what only we can reach: the database, a cloud's metadata, the
machine itself. So only public addresses are connected to, unless the operator's allow-list names their
network; what is checked is the very address of the connection, whatever a name resolved to before.
"""

from adjudge.outbound.addresses import PUBLIC_ONLY, Permitted, parse_permitted
from adjudge.outbound.urls import RefusedUrl, check_url

__all__ = ["PUBLIC_ONLY", "Permitted", "RefusedUrl", "check_url", "parse_permitted"]
