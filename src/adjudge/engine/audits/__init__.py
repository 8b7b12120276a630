"""What people show of the models: the audit sample, how often the coin falls on audit, and what votes are worth."""
