"""Files of one's own: no link is followed, another user's is not touched, and nobody else may read them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lpnb import JournalError, Receiver, ReceiverError, Sandbox, Settings, save_table
from lpnb._internal.private_files import write_private
from lpnb._internal.writer_lock import FileLock, is_locked
from lpnb.journal import CaseRow, Journal, read_journal
from lpnb.sandbox.state.state_file import StateFile, StateFileError
from lpnb.snippets.write_postman import Postman
from lpnb.transport.har_recording import RecordingTransport

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner and mode here")
needs_root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root gives files away")
ACCOUNT = Settings("12345678", "client-id", "secret")


def begin_journal(path: Path) -> None:
    journal = Journal.create(path, {"run_key": "k"}, [CaseRow(0, "case", "consumer", "digest", "{}")])
    journal.close()


def go_on_with_journal(path: Path) -> None:
    Journal.open(path).close()


def receive(path: Path) -> None:
    with Receiver(ACCOUNT, keep=path):
        pass


def keep_state(path: Path) -> None:
    StateFile(path).close()


def record(path: Path) -> None:
    RecordingTransport(None, path, ())


WRITERS: dict[str, Callable[[Path], None]] = {
    "journal": begin_journal,
    "receiver": receive,
    "sandbox": keep_state,
}
#: Of each, the files that are written besides the one that is named.
BESIDE = {
    "journal": ["-wal", "-shm", "-journal", ".lock"],
    "receiver": ["-wal", "-shm", "-journal", ".lock"],
    "sandbox": ["-wal", "-shm", "-journal", ".pid"],
}
ANY_REFUSAL = (JournalError, ReceiverError, StateFileError)


@pytest.mark.parametrize(("kind", "end"), [(kind, end) for kind in WRITERS for end in ["", *BESIDE[kind]]])
@pytest.mark.parametrize("target_exists", [True, False])
def test_no_file_is_written_through_a_link_that_somebody_planted(tmp_path, kind, end, target_exists):
    target = tmp_path / "target"
    if target_exists:
        target.write_text("precious")
    path = tmp_path / "own.sqlite"
    Path(f"{path}{end}").symlink_to(target)

    with pytest.raises(ANY_REFUSAL, match=r"is a link|exists|already|is not a"):
        WRITERS[kind](path)

    assert target.exists() is target_exists
    assert not target_exists or target.read_text() == "precious"


@pytest.mark.parametrize(("kind", "end"), [(kind, end) for kind in WRITERS for end in ["-wal", "-shm"]])
def test_nothing_is_written_through_a_link_beside_a_file_that_is_gone_on_with(tmp_path, kind, end):
    path = tmp_path / "own.sqlite"
    WRITERS[kind](path)
    Path(f"{path}{end}").unlink(missing_ok=True)
    Path(f"{path}{end}").symlink_to(tmp_path / "target")

    with pytest.raises(ANY_REFUSAL, match="is a link"):
        (go_on_with_journal if kind == "journal" else WRITERS[kind])(path)

    assert not (tmp_path / "target").exists()
    if kind == "journal":
        with pytest.raises(JournalError, match="is a link"):
            read_journal(path)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_others_could_read_and_write_is_taken_from_them(tmp_path, kind):
    path = tmp_path / "own.sqlite"
    WRITERS[kind](path)
    path.chmod(0o666)

    (go_on_with_journal if kind == "journal" else WRITERS[kind])(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@needs_root
@pytest.mark.parametrize("kind", WRITERS)
def test_another_users_file_is_not_written(tmp_path, kind):
    path = tmp_path / "own.sqlite"
    WRITERS[kind](path)
    os.chown(path, 4711, 4711)

    with pytest.raises(ANY_REFUSAL, match=r"own\.sqlite belongs to another user \(number 4711\)"):
        (go_on_with_journal if kind == "journal" else WRITERS[kind])(path)


@needs_root
def test_another_users_journal_and_one_behind_a_link_are_read(tmp_path):
    begin_journal(tmp_path / "run.sqlite")
    os.chown(tmp_path / "run.sqlite", 4711, 4711)
    (tmp_path / "latest.sqlite").symlink_to("run.sqlite")

    assert [case.name for case in read_journal(tmp_path / "latest.sqlite").cases()] == ["case"]


@pytest.mark.parametrize("write", [record, lambda path: write_private(path, b"x")], ids=["HAR", "any"])
@pytest.mark.parametrize("what", ["link", "dangling link", "fifo", "folder"])
def test_only_a_plain_file_is_opened(tmp_path, write, what):
    path, target = tmp_path / "file", tmp_path / "target"
    if what == "link":
        target.write_text("precious")
    if "link" in what:
        path.symlink_to(target)
    else:
        os.mkfifo(path) if what == "fifo" else path.mkdir()

    with pytest.raises(OSError, match=r"is a link|no plain file|No such device|directory"):
        write(path)

    assert not target.exists() or target.read_text() == "precious"


def test_a_file_is_not_emptied_before_it_is_known_to_be_ones_own(tmp_path):
    path = tmp_path / "file"
    path.write_text("old, and longer than what comes")
    path.chmod(0o644)

    write_private(path, b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_lock_behind_a_link_is_neither_taken_nor_looked_at(tmp_path):
    (tmp_path / "file.lock").symlink_to(tmp_path / "target")

    with pytest.raises(OSError, match=r"file\.lock is a link"):
        FileLock(tmp_path / "file")
    assert not is_locked(tmp_path / "file")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("end", [".csv", ".parquet", ".xlsx"])
def test_a_new_table_is_its_owners_alone_and_one_that_is_replaced_keeps_its_mode(tmp_path, end):
    path = tmp_path / f"table{end}"
    before = os.umask(0)
    try:
        save_table(pd.DataFrame({"firstname": ["Ada"]}), path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    path.chmod(0o640)
    save_table(pd.DataFrame({"firstname": ["Ada"]}), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_postman_collection_is_its_owners_alone(tmp_path):
    (path,) = Postman("{}").save(tmp_path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_certificate_is_not_written_through_a_link(tmp_path):
    (tmp_path / "ca.pem").symlink_to(tmp_path / "target")

    with pytest.raises(OSError), Sandbox(tls=True, ca_file=tmp_path / "ca.pem"):  # noqa: PT011
        pass

    assert not (tmp_path / "target").exists()
