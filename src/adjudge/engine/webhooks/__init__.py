"""Webhooks: outcomes of the feed, on their way to the endpoints that asked to be told."""
