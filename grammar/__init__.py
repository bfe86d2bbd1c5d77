"""The grammar of `.cnn`: `cnn.lark`, read by `python -m cnndsl.tables` when it changes."""
