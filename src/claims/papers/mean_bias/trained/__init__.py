"""Experiments on the activations, gradients and losses of trained models."""
