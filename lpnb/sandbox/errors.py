"""What is raised where the caller of `Sandbox` is at fault: the control API answers these with 4xx.

Everything else is a fault of the sandbox, and answered 500. They are the built-in exceptions as
well, so that a test in Python catches what it always caught.
"""


class ControlError(ValueError):
    """What was asked for makes no sense; the message says what does."""


class UnknownOptionError(ControlError, TypeError):
    """There is no such option; the message lists those there are."""


class UnknownNameError(KeyError):
    """There is no such conversation, agent or skill."""
