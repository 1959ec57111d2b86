"""What a reviewer would ask of a pack: what to mend, each with its place."""
