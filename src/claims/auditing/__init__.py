"""Auditing: from a plan to verdicts, asking for seeds until every claim is decided."""
