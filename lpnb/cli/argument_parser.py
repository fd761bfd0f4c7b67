"""The command line's argument parser, which names the nearest command or option to an unknown one."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

_UNKNOWN_COMMAND = re.compile(r"argument .*?: invalid choice: '(.*?)' \(choose from (.*)\)")


class SuggestingParser(argparse.ArgumentParser):
    """argparse's parser; its commands have parsers of the same kind.

    Example:
        >>> parser = SuggestingParser(prog="lpnb", exit_on_error=False)
        >>> _ = parser.add_argument("--rate")
        >>> parser.complaint_about(["--rat", "5"])
        "lpnb has no option --rat. Did you mean '--rate'?"
    """

    _command: SuggestingParser | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse like argparse, and remember which command was chosen."""
        SuggestingParser._command = self
        return super().parse_known_args(args, namespace)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse like argparse; an option that does not exist is answered by the command it was given to."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command = SuggestingParser._command or self
            command.error(command.complaint_about(unknown))
        return options

    def complaint_about(self, unknown: Sequence[str]) -> str:
        """A sentence about arguments that are not known, with the nearest options."""
        from lpnb._internal.suggestions import did_you_mean

        names = [argument.partition("=")[0] for argument in unknown if argument.startswith("-")]
        if not names:
            return f"{self.prog} does not know what to do with {' '.join(map(repr, unknown))}."
        options = [option for option in self._option_string_actions if option.startswith("--")]
        return " ".join(f"{self.prog} has no option {name}.{did_you_mean(name, options)}" for name in names)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, without the usage of every option; end with status 2."""
        from lpnb._internal.suggestions import did_you_mean
        from lpnb._printable import one_line

        if command := _UNKNOWN_COMMAND.match(message):
            names = re.findall(r"[\w-]+", command[2])
            hint = did_you_mean(command[1], names) or f" There are: {', '.join(names)}."
            message = f"{self.prog} has no command {command[1]!r}.{hint}"
        self.exit(2, f"{one_line(message)}\n{self.prog} --help lists what there is.\n")
