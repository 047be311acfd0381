"""Tokenizers: the contract, the registry of cards, and the families by modality."""
