"""The contract with callers, over HTTP: parse, one call, shape the answer."""
