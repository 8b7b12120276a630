"""From a question to an open decision: what is asked where, and the flush that makes it durable."""
