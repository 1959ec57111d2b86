"""The ahead-of-time gate: compile every Triton kernel without a GPU, and refuse what spills, is inexact or grew."""
