"""A small FSQ autoencoder for pictures: its model, its weights file and its training. Leaves out being a tokenizer (`vq`)."""
