"""From a run directory to what people read."""
