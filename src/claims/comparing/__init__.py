"""Comparing: results, stores and revisions side by side, two stores seed by seed, and epochs of one store together."""
