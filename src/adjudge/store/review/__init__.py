"""What people work from: reviewers and pools, tasks with their leases, queues, votes."""
