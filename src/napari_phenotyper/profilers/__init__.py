"""One profile per file."""
