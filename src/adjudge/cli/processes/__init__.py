"""The processes of `adjudge api | worker | keeper`: each put together here from what the other packages offer."""
