"""The state of a window, without the window: which field is open, what runs, what the live model says."""
