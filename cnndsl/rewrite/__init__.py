"""Rewriting: rules that change a module and carry its weights along."""
