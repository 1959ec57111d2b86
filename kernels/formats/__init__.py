"""Number formats: their codes, their rounding, and the quantizers that give matrices in them."""
