"""Folds, metrics, calibration: pure functions on arrays."""
