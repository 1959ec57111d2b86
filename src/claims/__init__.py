"""claimbench: claims of papers as code, measured and decided.

The declarative part (``claims.claim``, ``claims.experiment``, ``claims.bands``, ``claims.kinds``) imports neither
torch nor statsmodels, so that a catalogue can be listed at once; they are imported when something is measured.
"""
