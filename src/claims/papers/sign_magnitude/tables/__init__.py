"""The paper's printed tables as data, and checks that only they need."""
