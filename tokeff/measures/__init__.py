"""From tokenizer and items to sums, and from sums to measurements."""
