"""Claims, one module a section."""
