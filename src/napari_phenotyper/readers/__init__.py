"""One plate format per file."""
