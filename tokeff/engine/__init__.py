"""Runs: a corpus through its tokenizers, into a run directory."""
