"""What a result looks like: on a terminal, as one HTML page."""
