"""Loops that segmenters and extractors share: arrays in, arrays out."""
