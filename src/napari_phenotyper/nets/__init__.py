"""What CNN classifiers and learned segmenters share (torch)."""
