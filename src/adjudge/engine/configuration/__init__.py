"""What is in force: published revisions, how a process takes them over, switches and rates beside them."""
