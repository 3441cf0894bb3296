"""One hit score per file."""
