"""Experiments on a trained model."""
