"""Training runs of a small decoder with 4-bit products."""
