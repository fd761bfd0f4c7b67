"""Exceptions for wrong arguments to `Sandbox`, which the control API answers with 400 and 404.

Everything else is a fault of the sandbox, and answered 500. They derive from the built-in
exceptions, so that ``except ValueError`` and ``except KeyError`` catch them.
"""


class ControlError(ValueError):
    """What was asked for makes no sense; the message says what does."""


class UnknownOptionError(ControlError, TypeError):
    """There is no such option; the message lists those there are."""


class UnknownNameError(KeyError):
    """There is no such conversation, agent or skill."""
