"""Values and rules: questions, opinions, beliefs, plans, and `advance`. No I/O, no clock, no chance."""
