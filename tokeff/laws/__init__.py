"""Scaling laws: definition, prediction, optimum, inverse problems; fits are in `tokeff.laws.fitting`.

law = tokeff.laws.load("besiroglu-2024-refit")      # by name, or the path of a fitted law
law.predict({"n_parameters": 7e9, "n_training_tokens": 140e9})
optimum(law, 1e21); solve(law, "n_training_tokens", 2.2, {"n_parameters": 7e9}); compute_for(law, 2.2)
"""

from tokeff.laws.accounting import ACCOUNTINGS, Accounting
from tokeff.laws.definition import Law, Parameter, Prediction, Status
from tokeff.laws.forms import FORMS, Form, form_named
from tokeff.laws.inverse import compute_for, solve
from tokeff.laws.optimum import Optimum, allocation_exponents, coefficients_from_frontier, flops, optimum
from tokeff.laws.store import load, names, save

__all__ = [
    "ACCOUNTINGS",
    "FORMS",
    "Accounting",
    "Form",
    "Law",
    "Optimum",
    "Parameter",
    "Prediction",
    "Status",
    "allocation_exponents",
    "coefficients_from_frontier",
    "compute_for",
    "flops",
    "form_named",
    "load",
    "names",
    "optimum",
    "save",
    "solve",
]
