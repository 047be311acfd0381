"""The functional forms, by name."""

from tokeff.errors import NotFound
from tokeff.laws.forms.base import Array, Form, Values
from tokeff.laws.forms.modalities import EffectiveTokens, Interaction, LogProduct, WeightedLogProduct
from tokeff.laws.forms.power import Additive, Frontier, Power, VisualTokens
from tokeff.laws.forms.text import Kaplan, Repeated, Vocabulary

__all__ = ["FORMS", "Array", "Form", "Values", "form_named"]

FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Additive(),
        Power(),
        VisualTokens(),
        Frontier(),
        Kaplan(),
        Repeated(),
        Vocabulary(),
        LogProduct(),
        WeightedLogProduct(),
        Interaction(),
    )
}
FORMS[EffectiveTokens.name] = EffectiveTokens(("text_tokens",))


def form_named(name: str) -> Form:
    """The form of this name; NotFound with close names otherwise."""
    if name not in FORMS:
        raise NotFound.among("form of law", name, FORMS)
    return FORMS[name]
