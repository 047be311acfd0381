"""tokeff's own codec for sound: model, weights file, training. Leaves out being a tokenizer (`rvq`)."""
