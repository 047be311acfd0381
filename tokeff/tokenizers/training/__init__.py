"""What fitting small networks shares in every modality: loop, optimiser, directory. Leaves out the networks."""
