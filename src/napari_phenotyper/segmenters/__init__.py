"""One segmenter per file."""
