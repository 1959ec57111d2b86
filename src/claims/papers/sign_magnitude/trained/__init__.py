"""Experiments on trained models: the paper's own, and the same measured on any model of the Llama and Qwen families."""
