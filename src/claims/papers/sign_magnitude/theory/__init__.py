"""Closed forms of the sign-magnitude paper, in float64 and stable down to flip rates of 1e-12."""
