"""Deciders in shadow: asked after everything that is served, recorded beside it, and watched."""
