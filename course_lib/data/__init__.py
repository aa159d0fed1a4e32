"""Data that is always there: ``datasets.load(name, split)``, ``.photograph(name)``, ``scenes.sample(n, seed=0)``."""
