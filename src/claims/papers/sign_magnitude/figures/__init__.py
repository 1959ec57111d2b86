"""Figures as data, printed (tables, text) or released by the authors (``exp_*``, ``two_layer``), and their checks."""
