"""Claims about recipes for 4-bit blocks, a pack for each of five papers.

Each paper's package has its claims in ``sections`` and what they measure in ``experiments``. ``numerics`` is what
experiments share, ``trained`` what is measured on a trained model, ``theory`` closed forms that no experiment imports.
"""
