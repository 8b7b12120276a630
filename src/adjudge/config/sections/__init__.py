"""The sections of the documents, from `types` to `routes`: each read, checked and compiled in a module of its own."""
