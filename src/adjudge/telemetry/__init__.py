"""What is counted, and how it is written down. Names stand in one place."""
