"""The feed of outcomes, as readers follow it: its newest part in memory, and cursors that say how far one has come."""
