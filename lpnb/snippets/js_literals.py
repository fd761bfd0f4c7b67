"""Read JavaScript's literals: JSON with comments, trailing commas, single quotes, templates, plain keys.

Nothing is run: a name stays a ``JsName``; of calls ``JSON.stringify`` and ``new Headers`` are understood.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

_BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")
_NAME = re.compile(r"[A-Za-z_$][\w$]*(?:\s*\.\s*[A-Za-z_$][\w$]*)*")
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r?\n)|(.))", re.DOTALL
)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
#: JavaScript's, and Python's, whose code is read as well.
_CONSTANTS = {
    "true": True, "false": False, "null": None, "undefined": None, "NaN": math.nan, "Infinity": math.inf,
    "True": True, "False": False, "None": None,
}  # fmt: skip
_MAX_DEPTH = 64
_ASSIGNMENT = re.compile(r"\b(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*=\s*(?=[\[{\"'`\d]|JSON\.stringify)")
_IN_TEMPLATE = re.compile(r"\$\{\s*([A-Za-z_$][\w$]{0,80})\s*\}")
_COMMENT_OR_STRING = re.compile(
    r"""(?<!:)//[^\n]*|/\*.*?(?:\*/|\Z)|(['"])(?:(?!\1)[^\\\n]|\\.)*+\1?|`(?:[^`\\]|\\.)*+`?""", re.DOTALL
)
#: Where a name is declared, is a parameter, or gets another value, also in a part of it.
_BINDING = re.compile(
    r"\b(?:const|let|var)\s++([\w$]++|[\[{][^=;]{0,500}(?==))"
    r"|(?<![\w$.])(?!(?:if|while|for|switch)\b)([\w$]++\s*+\([^()]{0,500})\)\s*+\{"
    r"|\(([^()]{0,500})\)\s*+=>|\b(?:delete\s++|Object\.assign\(\s*+)([\w$]++)"
    r"|(?<![\w$.])([\w$]++)(?:\s*+\.\s*+[\w$]++|\s*+\[[^\]\n]{0,100}\])*+(?:\s*+(?:\+\+|--|=>"
    r"|(?:\*\*|<<|>>>?|&&|\|\||\?\?|[-+*/%&|^])?=(?![=>]))"
    r"|(?:(?<=\.push)|(?<=\.unshift)|(?<=\.splice)|(?<=\.pop)|(?<=\.shift)|(?<=\.sort)|(?<=\.reverse))\()"
)
#: What a literal is followed by that is the whole value.
_VALUE_ENDS = re.compile(r"[ \t]*+(?:[;,)}]|as\b|\Z|\n\s*+(?![-.+*/%?\[(&|<>=^]))")
_MAX_NAMES, _MAX_LOOKED_AT = 200, 2_000_000
#: Characters that names and JSON.stringify may add to values, besides four times the text's own.
_LEAST_ROOM = 200_000


class JsSyntaxError(ValueError):
    """Why a text is no literal, as a phrase."""


@dataclass(frozen=True, slots=True)
class JsName:
    """A name or a call whose value is not in the text."""

    name: str


def code_of(text: str) -> str:
    """*text* with blanks in the place of comments, and ~ in that of what strings hold.

    Example:
        >>> code_of("a = 'b' // c")
        "a = '~~     "
    """

    def blank(match: re.Match[str]) -> str:
        if match[0][0] == "/":
            return re.sub(r"[^\n]", " ", match[0])
        return match[0][0] + "~" * (len(match[0]) - 1)

    return _COMMENT_OR_STRING.sub(blank, text)


def read_template(text: str, place: int) -> Any:
    """The value that begins at *place*, with ``${name}`` in the place of names; None when there is none.

    Example:
        >>> read_template("f([{kind: 'req', id}])", 2)
        [{'kind': 'req', 'id': '${id}'}]
    """
    try:
        return _with_placeholders(JsReader(text).value(place)[0])
    except (JsSyntaxError, ValueError):
        return None


def read_json_with_comments(text: str) -> Any:
    """One value that is the whole of *text*.

    Raises:
        JsSyntaxError: It is not, or names something that is not in the text.
    """
    reader = JsReader(text)
    value, end = reader.value(0)
    if (end := reader.skip(end)) != len(text):
        raise JsSyntaxError(f"something follows the value in line {reader.line(end)}")
    if _holds_name(value):
        raise JsSyntaxError("a word in it has no quotes")
    return value


def _holds_name(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_name(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_name(item) for item in value)
    return isinstance(value, JsName)


class JsReader:
    """Reads the literals of *text*.

    Attributes:
        text: What is read.
        names: The names that have a value.

    Example:
        >>> JsReader("{a: 'b', /* c */ d: JSON.stringify([1,]),}").value(0)
        ({'a': 'b', 'd': '[1]'}, 42)
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: dict[str, Any] = {}
        self._room = _LEAST_ROOM + 4 * len(text)

    def read_names(self, code: str) -> None:
        """Give the names their values that the text gives a literal and nothing else, by its ``code_of``.

        Example:
            >>> reader = JsReader("const a = '1'; let b = [a, `x${a}`]; var c = f(a); let d = 2 * 3")
            >>> reader.read_names(code_of(reader.text))
            >>> reader.names
            {'a': '1', 'b': ['1', 'x1']}
        """
        bindings = Counter(
            name
            for match in _BINDING.finditer(code)
            for name in re.findall(r"[A-Za-z_$][\w$]*", " ".join(filter(None, match.groups())))
        )
        remaining_length = _MAX_LOOKED_AT
        for match in islice(_ASSIGNMENT.finditer(code), _MAX_NAMES):
            if bindings[match[1]] > 1:
                continue
            try:
                value, end = self.value(match.end())
            except JsSyntaxError:
                value, end = JsName(""), len(self.text)
            remaining_length -= end - match.end()
            if remaining_length < 0:
                break
            if not isinstance(value, JsName) and _VALUE_ENDS.match(code, end):
                self.names[match[1]] = value

    def value_of(self, name: str) -> Any:
        """The value of *name*; a ``JsName`` when it has none, or when values have grown too large."""
        if name not in self.names:
            return JsName(name)
        self._room -= _size(self.names[name])
        return self.names[name] if self._room >= 0 else JsName(name)

    def skip(self, place: int) -> int:
        """Where blanks and comments end that begin at *place*."""
        match = _BLANK.match(self.text, place)
        return match.end() if match else place

    def line(self, place: int) -> int:
        """The number of the line of *place*."""
        return self.text.count("\n", 0, place) + 1

    def value(self, place: int, depth: int = 0) -> tuple[Any, int]:
        """The value that begins at *place*, and where it ends.

        Raises:
            JsSyntaxError: There is none.
        """
        place = self.skip(place)
        if depth > _MAX_DEPTH:
            raise JsSyntaxError(f"it is nested deeper than {_MAX_DEPTH} levels")
        if place >= len(self.text):
            raise JsSyntaxError("it ends too early")
        letter = self.text[place]
        if letter == "{":
            return self._record(place + 1, depth)
        if letter == "[":
            return self._array(place + 1, depth)
        if letter in "'\"`":
            text, end = self._string(place)
            return self._join(text, end)
        if match := _NUMBER.match(self.text, place):
            digits = match[0]
            if len(digits) > 400:
                raise JsSyntaxError("a number has too many digits")
            number = int(digits, 16) if "x" in digits.lower() else json.loads(digits)
            return number, match.end()
        if match := _NAME.match(self.text, place):
            value, end = self._name(match, depth)
            if not isinstance(value, str | JsName) or not self.text.startswith("+", self.skip(end)):
                return value, end
            return self._join(f"${{{value.name}}}" if isinstance(value, JsName) else value, end)
        raise JsSyntaxError(f"{letter!r} in line {self.line(place)} is not expected there")

    def _join(self, text: str, place: int) -> tuple[Any, int]:
        """Strings put together with +."""
        while (after := self.skip(place)) < len(self.text) and self.text[after] == "+":
            following = self.skip(after + 1)
            if following >= len(self.text) or self.text[following] not in "'\"`":
                match = _NAME.match(self.text, following)
                if match is None:
                    break
                more, place = self._fill_template(f"${{{match[0]}}}"), match.end()
            else:
                more, place = self._string(following)
            text += more
        return text, place

    def _name(self, match: re.Match[str], depth: int) -> tuple[Any, int]:
        name = re.sub(r"\s+", "", match[0])
        end = match.end()
        if name in _CONSTANTS:
            return _CONSTANTS[name], end
        if name in ("new", "await"):
            return self.value(end, depth + 1)
        opening = self.skip(end)
        if not self.text.startswith("(", opening):
            return self.value_of(name), end
        first = self.skip(opening + 1)
        argument, end = (None, first) if self.text.startswith(")", first) else self.value(first, depth + 1)
        closing = self.text.find(")", end)
        if closing < 0:
            raise JsSyntaxError(f"a ( in line {self.line(opening)} is never closed")
        if not self.text.startswith((",", ")"), self.skip(end)):  # more than a literal
            return JsName(name), closing + 1
        if name == "JSON.stringify" and not isinstance(argument, JsName):
            json_text = json.dumps(_with_placeholders(argument), ensure_ascii=False)
            self._room -= len(json_text)
            return json_text if self._room >= 0 else JsName(name), closing + 1
        if name in ("Headers", "JSON.stringify"):
            return argument, closing + 1
        return JsName(name), closing + 1

    def _record(self, place: int, depth: int) -> tuple[dict[str, Any], int]:
        record: dict[str, Any] = {}
        own_keys: set[str] = set()
        while True:
            place = self.skip(place)
            if place >= len(self.text):
                raise JsSyntaxError("a { is never closed")
            if self.text[place] == "}":
                return record, place + 1
            if self.text.startswith("...", place):
                match = _NAME.match(self.text, place + 3)
                name, place = (match[0], match.end()) if match else ("", place + 3)
                spread = self.value_of(name)
                record |= spread if isinstance(spread, dict) else {f"...{name}": JsName(name)}
            else:
                if self.text[place] in "'\"`":
                    key, place = self._string(place)
                elif match := re.compile(r"[\w$]+").match(self.text, place):
                    key, place = match[0], match.end()
                else:
                    raise JsSyntaxError(f"{self.text[place]!r} in line {self.line(place)} is no name")
                place = self.skip(place)
                if place < len(self.text) and self.text[place] == ":":
                    value, place = self.value(place + 1, depth + 1)
                else:  # {body} is short for {body: body}
                    value = self.value_of(key)
                if key in own_keys:
                    raise JsSyntaxError(f"the key {key!r} occurs twice in one object")
                own_keys.add(key)
                record[key] = value
            place = self._comma(place, "}")

    def _array(self, place: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while True:
            place = self.skip(place)
            if place >= len(self.text):
                raise JsSyntaxError("a [ is never closed")
            if self.text[place] == "]":
                return items, place + 1
            item, place = self.value(place, depth + 1)
            items.append(item)
            place = self._comma(place, "]")

    def _comma(self, place: int, closing: str) -> int:
        place = self.skip(place)
        if place < len(self.text) and self.text[place] == ",":
            return place + 1
        if place < len(self.text) and self.text[place] != closing:
            raise JsSyntaxError(f"{self.text[place]!r} in line {self.line(place)} is not expected there")
        return place

    def _fill_template(self, text: str) -> str:
        """The text of a template with the names in it that have a value."""

        def value(match: re.Match[str]) -> str:
            name_value = self.value_of(match[1])
            return str(name_value) if isinstance(name_value, str | int) else match[0]

        return _IN_TEMPLATE.sub(value, text)

    def _string(self, place: int) -> tuple[str, int]:
        quote, end = self.text[place], place + 1
        while end < len(self.text) and self.text[end] != quote:
            if self.text[end] == "\n" and quote != "`":
                break
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text) or self.text[end] != quote:
            raise JsSyntaxError(f"a {quote} that is opened in line {self.line(place)} is never closed")
        text = _ESCAPE.sub(_unescape, self.text[place + 1 : end])
        text = self._fill_template(text) if quote == "`" and self.names else text
        # A letter beyond the first plane may be written as two halves.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), end + 1


def _size(value: Any, depth: int = 0) -> int:
    """How many characters *value* has about; more than any text's when it is too deep."""
    if depth > _MAX_DEPTH:
        return 10**9
    if isinstance(value, str):
        return 1 + len(value)
    items = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(_size(item, depth + 1) for item in items)


def _with_placeholders(value: Any) -> Any:
    """*value* with ``${name}`` in the place of each name."""
    if isinstance(value, dict):
        return {key: _with_placeholders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_placeholders(item) for item in value]
    return f"${{{value.name}}}" if isinstance(value, JsName) else value


def _unescape(match: re.Match[str]) -> str:
    if code := match[1] or match[2] or match[3]:
        return chr(int(code, 16)) if int(code, 16) < 0x110000 else "\ufffd"
    return "" if match[4] else _SIMPLE.get(match[5], match[5])
