"""The JUnit XML of a verification, for build servers."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from lpnb.errors import Complaint, InvalidValueError, LpnbError
from lpnb.experiments.verification.checks import CaseCheck

#: What XML 1.0 cannot hold, in any spelling.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(name: str, checks: Sequence[CaseCheck]) -> str:
    """The document: the test suite *name* with a test case for each check.

    A failed case is a failure, one whose result is not known an error, one that expected nothing is skipped.

    Example:
        >>> print(junit("cases", [CaseCheck("a", "skipped", "", "answered", "expected nothing", 0.0)]))
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites tests="1" failures="0" errors="0" skipped="1" time="0.000">
          <testsuite name="cases" tests="1" failures="0" errors="0" skipped="1" time="0.000">
            <testcase classname="cases" name="a" time="0.000">
              <skipped message="expected nothing" />
            </testcase>
          </testsuite>
        </testsuites>
    """
    counts = {
        "tests": str(len(checks)),
        "failures": str(sum(check.verdict == "failed" for check in checks)),
        "errors": str(sum(check.verdict == "error" for check in checks)),
        "skipped": str(sum(check.verdict == "skipped" for check in checks)),
        "time": f"{sum(check.seconds for check in checks):.3f}",
    }
    name = _legal(name)
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": name, **counts})
    for check in checks:
        _add(suite, name, check)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}'


def check_junit(path: Path) -> None:
    """See, before any work is done, that ``save_junit`` can write to *path*.

    Raises:
        InvalidValueError: It is a folder or a device, or the folder it is in is missing or closed to you.
    """
    if not path.parent.is_dir():
        sentence = f"There is no folder {path.parent} to write {path.name} to."
    elif path.exists() and not path.is_file():
        sentence = f"{path} cannot be written: it is {'a folder' if path.is_dir() else 'no plain file'}."
    elif not os.access(Path(os.path.realpath(path)).parent, os.W_OK):
        sentence = f"{path} cannot be written: you may not write to {path.parent}."
    else:
        return
    raise InvalidValueError([Complaint(str(path), sentence)])


def save_junit(name: str, checks: Sequence[CaseCheck], path: str | Path) -> None:
    """Write the document to *path*, whole or not at all.

    Raises:
        LpnbError: It could not be written.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            part.write_text(junit(name, checks) + "\n", encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise LpnbError(f"{path} cannot be written: {error.strerror or error}.") from None


def _add(suite: ElementTree.Element, name: str, check: CaseCheck) -> None:
    attributes = {"classname": name, "name": _legal(check.case), "time": f"{check.seconds:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", attributes)
    kinds = {"failed": "failure", "error": "error", "skipped": "skipped"}
    if check.verdict in kinds:
        element = ElementTree.SubElement(case, kinds[check.verdict], {"message": _legal(check.said)})
        if check.verdict != "skipped":
            element.text = _legal(f"expected: {check.expected}\ngot: {check.got}")


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
