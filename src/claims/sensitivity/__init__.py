"""Planted errors: whether an audit, or the tests, would notice if the code were wrong.

A list of planted errors (``plants``) is tried one by one. Each is applied in memory (``planting``) in a process of its
own (``zygote``, ``inside``), which audits the claims and runs the tests that touch the file (``touching``) and stops at
the first that notices. Results are kept as they come (``ledger``) and counted with exact intervals (``rates``).
"""
