"""What a worker does: reads messages, hands them out in batches, and carries out what became of them."""
