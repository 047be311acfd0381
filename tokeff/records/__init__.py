"""Records: what the floors hand to each other. Frozen, keyword-only, checked once; no I/O, no heavy imports."""
