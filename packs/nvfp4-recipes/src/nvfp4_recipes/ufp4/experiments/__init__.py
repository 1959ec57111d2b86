"""What the claims measure, on drawn data."""
