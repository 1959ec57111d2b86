"""Targets and rivals of claims as functions of a point's coordinates, where a closed form needs adapting."""
