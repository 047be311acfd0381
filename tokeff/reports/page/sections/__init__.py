"""The sections of a page: each a function of what a run kept. Leaves out the page around them."""
