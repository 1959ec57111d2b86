"""Closed forms and quadratures: what is expected, which nothing that is measured imports."""
