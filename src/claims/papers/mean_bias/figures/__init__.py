"""Printed figures, digit by digit, and what compares them."""
