"""From measurements and laws to plans."""
