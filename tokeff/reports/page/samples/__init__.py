"""A few items of the corpus beside what each tokenizer makes of them, as a page shows them."""
