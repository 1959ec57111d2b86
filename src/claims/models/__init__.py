"""Trained language models: fetching one, reading GGUF files and safetensors folders, and running them on text.

Nothing here is imported by the rest of the harness; the readers come with ``pip install 'claimbench[models]'``. No
pickle is ever opened.
"""
