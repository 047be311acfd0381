"""The family `rvq`: sound as ids of residual codebooks. transformers' codecs, SNAC, and tokeff's own."""
