"""How handlers are called: read from their signatures, and run in the event loop, a thread or a process."""
