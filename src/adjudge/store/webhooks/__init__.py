"""Who is told of outcomes: endpoints, the outbox, and each delivery with its attempts."""
