"""One classifier per file."""
