"""What is measured on random weights, and the statements that are searched: neither claims nor closed forms."""
