"""The small library that every notebook of the course imports.

Imports point down only: ``ops`` (pure functions) → ``layers`` (modules with parameters) → ``models`` (one file a paper) →
``data``, ``train``, ``understand``, ``viz``. Two modules stand below everything: ``scale`` (how big is this machine?) and
``runtime`` (seeds and device). Each file is meant to be opened and read.
"""

__version__ = "0.1.0"
