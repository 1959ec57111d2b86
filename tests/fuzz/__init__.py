"""Fuzzers: files that nobody wrote, each of which is read as its format says or refused in one clear sentence."""
