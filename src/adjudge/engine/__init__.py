"""The moving parts: intake, asking, stepping, settling, timers, sweeping, notifying."""
