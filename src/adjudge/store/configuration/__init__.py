"""Drafts and revisions of the configuration, who runs which, and the decisions that a change is tried on."""
