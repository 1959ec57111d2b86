"""Lists of errors to plant in this repository (``claimbench sensitivity``), and what builds changed C++ files."""
