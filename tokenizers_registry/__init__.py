"""Cards: one TOML file per named tokenizer. No code."""
