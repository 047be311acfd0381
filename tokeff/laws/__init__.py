"""Scaling laws: definition, prediction, fit."""
