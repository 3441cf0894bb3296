"""One feature family per file."""
