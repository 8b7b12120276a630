"""Documents as trees: every value knows its line, and every fault is told with it."""
