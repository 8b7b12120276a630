"""One small file for each contestant: how it publishes and how its worker is started. Run by `peers.driving`."""
