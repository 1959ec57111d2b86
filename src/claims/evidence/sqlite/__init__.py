"""The store as an SQLite file: its schema, rows that prove themselves, files, sessions, what is written and read."""
