"""The grammar of the `.cnn` language."""
