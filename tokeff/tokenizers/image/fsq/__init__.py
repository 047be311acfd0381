"""A small FSQ autoencoder for pictures: model, weights file and training. Leaves out being a tokenizer (`vq`)."""
