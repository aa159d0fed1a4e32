"""Data that is always there: ``datasets.load(name, split)``."""
