"""Calibration: claims of which the truth is known, put through the code that judges all others, and counted."""
