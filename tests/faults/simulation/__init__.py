"""A deterministic simulation: audits, their workers and their disk in one thread, driven by one integer.

What is under test is the real thing: the loop, the workers' window, the store and SQLite on real files. Simulated is
what lies around it: processes are greenlets that are switched where a real one could be interrupted, executors answer
when and if the draw says so, time is a number, and the files are cut off, torn and set back as a kill, a full disk or a
lost power supply leaves them. In the manner of FoundationDB's simulation and TigerBeetle's VOPR.
"""
