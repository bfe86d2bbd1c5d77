"""One module for each property, found by `registry.py`."""
