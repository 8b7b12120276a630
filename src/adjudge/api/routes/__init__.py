"""The routers: parse, one call, shape the answer. The hot endpoint alone is answered before them (`api/hot.py`)."""
