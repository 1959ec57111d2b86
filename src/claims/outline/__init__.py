"""Outlines: what a paper states, passage by passage, and which claims cover it."""
