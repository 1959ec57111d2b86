"""Closed forms that claims compare measurements with; importing them loads neither numpy nor torch."""
