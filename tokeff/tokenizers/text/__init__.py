"""Families of text tokenizers: declared here, light; the code of each is imported when it is opened."""

from tokeff.tokenizers.families import Family

FAMILIES: tuple[Family, ...] = ()
