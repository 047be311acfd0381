"""Tokenization efficiency in every modality."""
