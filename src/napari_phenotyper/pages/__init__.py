"""The HTML report and every figure in it."""
