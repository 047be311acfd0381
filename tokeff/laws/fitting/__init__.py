"""Fitting a law to runs: what is minimised, from where, with which intervals, and which runs decide."""

from tokeff.laws.fitting.fit import fit
from tokeff.laws.fitting.result import Fit, HeldOut
from tokeff.laws.fitting.runs import Runs
from tokeff.laws.fitting.tables import read_table

__all__ = ["Fit", "HeldOut", "Runs", "fit", "read_table"]
