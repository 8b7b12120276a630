"""Metrics, logs and traces. Each name is defined in one place."""
