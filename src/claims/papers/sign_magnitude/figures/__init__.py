"""Figures as data, printed (tables and text) and released by the authors (``exp_*``, ``two_layer``), and their checks."""
