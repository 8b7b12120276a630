"""What moves decisions on: intake, asking, stepping, timers, sweeping, notifying; besides, audits and webhooks."""
