"""Certificates: earned from closed audits, watched, and taken away. Keepers do it, beside the way of decisions."""
