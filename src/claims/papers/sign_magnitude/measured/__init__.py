"""Experiments and bands that claims of several sections share: declarations only."""
