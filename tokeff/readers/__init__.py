"""Corpora: from paths to items."""
