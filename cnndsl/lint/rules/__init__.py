"""The rules, one module for each. To add one, write its module here and its page."""
