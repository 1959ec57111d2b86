"""Claims, by the paper's sections; each module is listed in the pack."""
