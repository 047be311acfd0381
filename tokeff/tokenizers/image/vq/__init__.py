"""The family `vq`: pictures as ids of a learned codebook. transformers' models, and tokeff's own."""
