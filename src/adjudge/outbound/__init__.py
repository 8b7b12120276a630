"""Requests to addresses that configuration or callers name: model servers, webhooks.

Somebody who can give us a URL could make us reach what only we can reach: the database, a cloud's metadata, the
machine itself. So we connect only to public addresses, unless the operator's allow-list names their network. The
address of the connection itself is checked, whatever the name resolved to before.
"""

from adjudge.outbound.addresses import PUBLIC_ONLY, Permitted, parse_permitted
from adjudge.outbound.urls import RefusedUrl, check_url, without_values

__all__ = ["PUBLIC_ONLY", "Permitted", "RefusedUrl", "check_url", "parse_permitted", "without_values"]
