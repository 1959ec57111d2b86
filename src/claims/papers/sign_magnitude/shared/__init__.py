"""Experiments, points and bands that claims of several sections share, so that each is measured once."""
