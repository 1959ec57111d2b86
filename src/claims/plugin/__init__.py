"""The pytest plugin: claims as test items."""
