"""A verification as JUnit XML, which build servers read. Written with the standard library."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from xml.etree import ElementTree

from lpnb.errors import Complaint, InvalidValueError, LpnbError
from lpnb.experiments.verification.verify import Check, Verification

#: What XML 1.0 cannot hold, in any spelling.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verification: Verification) -> str:
    """The document: a test suite with a test case for each case.

    A case that came otherwise is a failure, one of which it cannot be said an error, one that expected
    nothing is skipped.

    Example:
        >>> from lpnb.experiments.verification.verify import verification_of
        >>> import pandas as pd
        >>> print(junit(verification_of(pd.DataFrame({"case": ["a"], "outcome": ["answered"]}))))
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
        "tests": str(len(verification.checks)),
        "failures": str(verification.count("failed")),
        "errors": str(verification.count("error")),
        "skipped": str(verification.count("skipped")),
        "time": f"{sum(check.seconds for check in verification.checks):.3f}",
    }
    name = _legal(verification.name)
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": name, **counts})
    for check in verification.checks:
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
        sentence = f"{path} cannot be written: {path.parent} is not yours to write in."
    else:
        return
    raise InvalidValueError([Complaint(str(path), sentence)])


def save_junit(verification: Verification, path: str | Path) -> None:
    """Write the document to *path*, whole or not at all.

    Raises:
        LpnbError: It could not be written.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            part.write_text(junit(verification) + "\n", encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise LpnbError(f"{path} cannot be written: {error.strerror or error}.") from None


def _add(suite: ElementTree.Element, name: str, check: Check) -> None:
    attributes = {"classname": name, "name": _legal(check.case), "time": f"{check.seconds:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", attributes)
    kinds = {"failed": "failure", "error": "error", "skipped": "skipped"}
    if check.verdict in kinds:
        found = ElementTree.SubElement(case, kinds[check.verdict], {"message": _legal(check.said)})
        if check.verdict != "skipped":
            found.text = _legal(f"expected: {check.expected}\ngot: {check.got}")


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
