"""Connections to the broker: to one server, to whichever Sentinels name, or to all masters of a cluster."""
