"""Cases as rows of a journal, and rows of a journal as tables."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from lpnb._internal.json_codec import json_text
from lpnb._internal.validation import must, one_of
from lpnb.errors import InvalidValueError
from lpnb.journal import Answer, CaseRow, JournalCase, Reader, explain_damage, read_each, read_journal

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from lpnb.experiments.cases.cases import Case, Cases

_HASH_PREFIX = "hashed:"


def consumer_of(run_key: str, number: int, name: str) -> str:
    """A fresh consumer for a case, the same one whenever it is asked for, and guessable by nobody.

    It is the missing idempotency key: whether a case has a conversation can be asked by it later.

    Example:
        >>> consumer_of("4f3c2b1a" * 4, 11, "gold")
        'lpnb-4f3c2b1a-12-d1ce05f74be989dece15'
    """
    secret = hashlib.blake2b(
        f"{number}\n{name}".encode("utf-8", "replace"), key=run_key.encode(), digest_size=10
    )
    return f"lpnb-{run_key[:8]}-{number + 1}-{secret.hexdigest()}"


def case_rows(cases: Cases, run_key: str, salt: str | None) -> Iterator[CaseRow]:
    """Every case as it is journalled; with a *salt*, what is personal in it only as a hash."""
    for number in range(len(cases)):
        yield row_of(cases[number], run_key, salt)


def row_of(case: Case, run_key: str, salt: str | None) -> CaseRow:
    """One case as it is journalled.

    Its digest is of everything that it says. Bare, it would let a personal value be found by trying, so that
    it is salted together with them.
    """
    values = _json(dict(case.values))
    expected = _json(dict(case.expected)) if case.expected else "{}"
    whole = _json([case.name, case.consumer_id, values, expected]).encode("utf-8", "replace")
    digest = hashlib.blake2b(whole, key=(salt or "").encode(), digest_size=24).hexdigest()
    if salt is not None:
        values = _json(_hash_personal(json.loads(values), salt))
    consumer_id = case.consumer_id or consumer_of(run_key, case.number, case.name)
    return CaseRow(case.number, case.name, consumer_id, digest, values, expected)


#: Parts of a column's name that say whose values it holds: a person's.
_PERSONAL = {"personal", "customerId", "socialId", "imei", "userName", "sub", "ipAddress"}


def is_personal(column: str) -> bool:
    """Whether a column holds what is somebody's own: names, numbers, addresses.

    Example:
        >>> is_personal("ctmrinfo.customerId"), is_personal("ctmrinfo.ctype")
        (True, False)
    """
    return not _PERSONAL.isdisjoint(column.split("."))


def _hash_personal(value: Any, salt: str) -> Any:
    """*value*, as JSON has it, with a hash in place of whatever stands under a personal name."""
    if isinstance(value, list):
        return [_hash_personal(item, salt) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: hash_personal_value(item, salt) if is_personal(key) else _hash_personal(item, salt)
        for key, item in value.items()
    }


def _personal_texts(value: Any, personal: bool = False) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _personal_texts(item, personal or is_personal(key))
    elif isinstance(value, list):
        for item in value:
            yield from _personal_texts(item, personal)
    elif personal and isinstance(value, str) and len(value) > 2:
        yield value


def without_personal(answer: Answer, case: Case, salt: str) -> Answer:
    """*answer* with a hash wherever it repeats a personal value of its case; those of one or two signs stay.

    Example:
        >>> from lpnb.experiments.cases.cases import cases_of
        >>> case = cases_of([{"personal.firstname": "Anna"}])[0]
        >>> without_personal(Answer("refused", message="no Anna here", raw=b'"Anna"'), case, "s").raw
        b'"hashed:52a4c2e7c59a6666df218a47"'
    """
    texts = sorted(set(_personal_texts(json.loads(_json(dict(case.values))))), key=len, reverse=True)
    if not texts:
        return answer
    stand_ins = {text: hash_personal_value(text, salt) for text in texts}

    def hide(text: Any) -> Any:
        if isinstance(text, str):
            for value, stand_in in stand_ins.items():
                text = text.replace(value, stand_in)
        return text

    raw = answer.raw
    for value, stand_in in stand_ins.items():
        for spelling in {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}:
            raw = raw.replace(spelling.encode("utf-8", "replace"), stand_in.encode())
    return answer._replace(
        message=hide(answer.message),
        explanation=hide(answer.explanation),
        pairs=[[hide(cell) for cell in pair] for pair in answer.pairs],
        raw=raw,
    )


def hash_personal_value(value: object, salt: str) -> str:
    """Stands for a personal value: the same for the same value in one journal, and another in every other."""
    text = json.dumps(value, sort_keys=True, default=_as_json)
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), key=salt.encode(), digest_size=12)
    return _HASH_PREFIX + digest.hexdigest()


def changed_cells(cases: Cases, reader: Reader, salt: str | None) -> list[tuple[str, str, object, object]]:
    """What *cases* say otherwise than the journal: (case, column, before, after) of each cell."""
    cells: list[tuple[str, str, object, object]] = []
    for number, name, digest in reader.digests():
        if number >= len(cases):
            cells.append((name, "case", name, None))
            continue
        case = cases[number]
        row = row_of(case, reader.about["run_key"], salt)
        if row.digest == digest:
            continue
        old_row = reader.case(number)
        before = old_row[2] if old_row else {}
        after = json.loads(row.said)
        before |= {"case": name, **(old_row[3] if old_row else {})}
        after |= {"case": case.name, **case.expected}
        columns = [column for column in {**before, **after} if before.get(column) != after.get(column)]
        row_changes = [(name, column, before.get(column), after.get(column)) for column in columns]
        cells.extend(
            row_changes or [(name, "consumer_id", old_row[1] if old_row else None, case.consumer_id)]
        )
    cells.extend(
        (cases[number].name, "case", None, cases[number].name) for number in range(reader.total, len(cases))
    )
    return cells


def cases_from_journal(reader: Reader) -> Cases:
    """The cases as the journal has them, to go on without the table they came from."""
    from lpnb.experiments.cases.cases import cases_of

    run_key = reader.about["run_key"]
    rows = []
    for case in reader.cases():
        row = {"case": case.name, **json.loads(case.said), **json.loads(case.expected)}
        if case.consumer_id != consumer_of(run_key, case.number, case.name):
            row["consumer_id"] = case.consumer_id
        rows.append(row)
    return cases_of(rows)


def planned_frame(cases: Cases, salt: str | None = None) -> pd.DataFrame:
    """The table of a run of *cases* that has not begun; with a *salt*, what is personal is hashed."""
    from lpnb.tables.arrow_columns import to_pandas

    columns = list(cases.columns)
    blocks = run_blocks(column_blocks(planned_cases(cases, "", salt)), columns, {})
    return to_pandas(arrow_of(blocks, run_kinds(columns, hashes=salt is not None)))


def planned_cases(cases: Cases, run_key: str, salt: str | None = None) -> Iterator[JournalCase]:
    """The cases of a run that has no journal, as if one had been begun."""
    for row in case_rows(cases, run_key, salt):
        yield JournalCase(row.number, row.name, row.consumer_id, row.said, row.expected, "planned")


def column_blocks(cases: Iterable[JournalCase]) -> Iterator[dict[str, Sequence[Any]]]:
    """Cases as columns under the names of ``JournalCase``, some at a time."""
    rows = iter(cases)
    while block := list(islice(rows, _BLOCK_ROWS)):
        yield dict(zip(JournalCase._fields, zip(*block, strict=True), strict=True))


def run_blocks(
    blocks: Iterable[Mapping[str, Sequence[Any]]],
    columns: Sequence[str],
    step_outcomes: Mapping[int, Mapping[str, Any]],
) -> Iterator[dict[str, Sequence[Any]]]:
    """The columns of a run's table as lists, for some cases at a time; ``tables.run_table`` names them.

    As Python's objects many rows weigh five times what the table does.
    """
    return (_block_columns(columns, block, step_outcomes) for block in blocks)


def journal_blocks(reader: Reader, columns: Sequence[str]) -> Iterator[dict[str, Sequence[Any]]]:
    """The same of the run that *reader* reads."""
    return run_blocks(reader.case_columns(_BLOCK_ROWS), columns, reader.step_outcomes())


def run_kinds(columns: Sequence[str], *, hashes: bool = False) -> dict[str, str]:
    """What each column of a run's table holds; with *hashes* personal values are hashed, and so text."""
    from lpnb.experiments.cases.columns import columns_of
    from lpnb.tables.run_table import RUN_COLUMNS

    own = {
        column.name: "text" if hashes and is_personal(column.name) else column.kind
        for column in columns_of(columns)
    }
    return {**RUN_COLUMNS, **own}


def arrow_of(blocks: Iterable[Mapping[str, Sequence[Any]]], kinds: Mapping[str, str]) -> pa.Table:
    """One row per case, out of blocks of columns."""
    from lpnb.tables.arrow_columns import stack_blocks

    with _without_garbage_collection():
        return stack_blocks(blocks, kinds)


def table_of_journal(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The per-case table of the run that is journalled at *path*; see ``Run.table``.

    Raises:
        JournalError: The file is missing, empty, damaged or another program's.
    """
    from lpnb.tables.arrow_columns import to_pandas

    reader = read_journal(path)
    with explain_damage(path):
        columns = list(reader.about.get("columns", ()))
        kinds = run_kinds(columns, hashes=reader.about.get("salt") is not None)
        return to_pandas(arrow_of(journal_blocks(reader, columns), kinds))


def _block_columns(
    columns: Sequence[str], block: Mapping[str, Sequence[Any]], step_outcomes: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """The columns of some cases, as *block* has them from the journal."""
    if not set(map(type, block["sent_at"])) <= {int, type(None)}:
        strange = next(cell for cell in block["sent_at"] if type(cell) not in (int, type(None)))
        raise ValueError(f"Could not convert {strange!r} with type {type(strange).__name__} to a moment")
    has_code = [state not in ("planned", "sending") for state in block["state"]]
    steps = [step_outcomes.get(number, _NOTHING) for number in block["number"]]
    expected = [json.loads(text) if text != "{}" else _NOTHING for text in block["expected"]]
    values = read_each(block["said"])
    code = [code if has else None for code, has in zip(block["code"], has_code, strict=True)]
    return {
        "case": block["name"],
        "consumer_id": block["consumer_id"],
        "outcome": block["state"],
        "code": code,
        "message": [text if has else None for text, has in zip(block["message"], has_code, strict=True)],
        "conversation_id": block["conversation_id"],
        "http_status": block["http_status"],
        "attempts": [last - unsent for last, unsent in zip(block["tried"], block["held"], strict=True)],
        "elapsed_ms": block["elapsed_ms"],
        "sent_at": block["sent_at"],
        "landed_skill_id": [outcomes.get("skill_id") for outcomes in steps],
        "landed_skill": [outcomes.get("skill_name") for outcomes in steps],
        "landing_source": [outcomes.get("source") for outcomes in steps],
        "offered_campaign_id": [outcomes.get("campaign_id") for outcomes in steps],
        "offered_engagement_id": [outcomes.get("engagement_id") for outcomes in steps],
        "decided_by": [outcomes.get("decided_by") for outcomes in steps],
        **{
            f"{step}_outcome": [outcomes.get(step) for outcomes in steps]
            for step in ("say", "landing", "close")
        },
        "expected_skill": [expectation.get("expected_skill") for expectation in expected],
        "expected_code": [expectation.get("expected_code") for expectation in expected],
        "passed": [
            meets_expectation(*case) if case[3] else None
            for case in zip(block["state"], code, steps, expected, strict=True)
        ],
        **{column: [cells.get(column) for cells in values] for column in columns},
    }


#: Rows of a table that are Python objects at one time.
_BLOCK_ROWS = 10_000
_NOTHING: Mapping[str, Any] = {}
#: How a pivot heads the cases that have no value, as pictures do.
_ABSENT = "(absent)"


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Hold the garbage collector back while rows are read.

    They are no garbage and in no circle, and looking through them again and again takes longer than reading.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def meets_expectation(
    outcome: str, code: str | None, landing: Mapping[str, Any], expected: Mapping[str, str]
) -> bool | None:
    """Whether it came as expected; None when nothing was expected, or it cannot be said yet.

    Example:
        >>> meets_expectation("answered", "OK", {"skill_name": "Gold"}, {"expected_skill": "Gold"})
        True
    """
    verdicts: list[bool | None] = []
    if "expected_code" in expected:
        verdicts.append(code_matches(outcome, code, expected["expected_code"]))
    if "expected_skill" in expected:
        skills = [landing[key] for key in ("skill_id", "skill_name") if landing.get(key)]
        verdicts.append(skill_matches(outcome, skills, expected["expected_skill"]))
    if not verdicts:
        return None
    return False if False in verdicts else None if None in verdicts else True


def code_matches(outcome: str, code: str | None, expected_code: str) -> bool | None:
    """Whether the *code* is the *expected_code*; None when the service has not said.

    Example:
        >>> code_matches("refused", "BAD_REQUEST", "OK"), code_matches("unknown", "http-503", "OK")
        (False, None)
    """
    return True if code == expected_code else False if outcome in ("answered", "refused") else None


def skill_matches(outcome: str, skills: Sequence[str], expected_skill: str) -> bool | None:
    """Whether the *expected_skill* is one of *skills*, by id or name; None when that is not known.

    Example:
        >>> skill_matches("answered", ["12", "Gold"], "Gold"), skill_matches("answered", [], "Gold")
        (True, None)
    """
    return expected_skill in skills if skills else False if outcome == "refused" else None


def responses_frame(reader: Reader) -> pd.DataFrame:
    """One row per request frame of the last response of each case."""
    from lpnb.tables.arrow_columns import timestamps
    from lpnb.tables.dataframes import ResponseColumns

    columns = ResponseColumns(keyed=True)
    with _without_garbage_collection():
        for block in reader.reply_columns(_BLOCK_ROWS):
            pairs = list(chain.from_iterable(block.pairs))
            if strange := set(map(len, pairs)) - {len(_PAIR)}:
                raise ValueError(f"a frame of {min(strange)} cells")
            cells = list(chain.from_iterable(pairs))
            per_call = {
                "case": block.name,
                "consumer_id": block.consumer_id,
                "http_status": block.http_status,
                "attempts": block.attempts,
                "elapsed_ms": block.elapsed_ms,
                "sent_at": timestamps(block.sent_at),
            }
            per_pair = {name: cells[place :: len(_PAIR)] for place, name in enumerate(_PAIR)}
            columns.add_columns(per_call, list(map(len, block.pairs)), per_pair)
    return columns.table()


#: What a journal keeps of each request frame, in this order.
_PAIR = ("req_id", "type", "ok", "code", "message", "conversation_id")


def _as_json(value: object) -> Any:
    from lpnb.experiments.cases.cases import as_json

    return as_json(value)


def _json(value: object) -> str:
    """Sorted, so that the order of columns is no change of a case."""
    return json_text(value, _as_json, sort_keys=True)


def pivot_of(
    table: pd.DataFrame, index: str | list[str], columns: str | list[str] | None, value: str
) -> pd.DataFrame:
    """Cases counted over *index* and *columns*; see ``Run.pivot``."""
    down = [index] if isinstance(index, str) else list(index)
    across = [] if columns is None else [columns] if isinstance(columns, str) else list(columns)
    wrong = [
        one_of("a pivot's column", column, [str(name) for name in table.columns])
        for column in (*down, *across, value)
        if column not in table.columns
    ]
    keys = [*down, *across]
    if not down:
        wrong.append(must("index", "must name a column, or several", index))
    elif len(set(keys)) < len(keys):
        wrong.append(must("index and columns", "must be different columns", keys))
    if wrong:
        raise InvalidValueError(wrong)
    cells = table[list(dict.fromkeys([*keys, value]))].astype("object")
    cells = cells.where(cells.notna(), _ABSENT)
    if value in keys:  # it is in the heads already, so that only counting is left
        counts = cells.groupby(keys).size()
        return counts.unstack(across, fill_value=0) if across else counts.to_frame("cases")
    if not across:
        return cells.groupby([*down, value]).size().unstack(value, fill_value=0)
    return cells.groupby(keys)[value].agg(_counts_text).unstack(across, fill_value="")


def _counts_text(values: pd.Series[Any]) -> str:
    counts = values.value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    return ", ".join(f"{name} ({count})" for name, count in counts.items())
