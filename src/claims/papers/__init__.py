"""Papers that come with the harness; each is a pack like anyone else's."""
