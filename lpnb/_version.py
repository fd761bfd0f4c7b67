"""The version, in one place; the changelog and the wheel agree with it."""

__version__ = "0.1.0"
