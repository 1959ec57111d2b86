"""Evidence: what a measured value depends on, how it is measured, and where it is kept."""
