"""What keepers do for decisions: what is due, what the broker lost, leases, partitions, retention, erasure."""
