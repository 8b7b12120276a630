"""Ours beside its peers: their environments, their workers, the broker and what is done to it."""
