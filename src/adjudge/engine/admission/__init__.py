"""Whether there is room for a question, and in which lane; what a key or a location may ask."""
