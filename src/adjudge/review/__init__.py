"""The work of reviewers: claims, leases, votes. What a reviewer is shown is decided here, on the server."""
