"""The lock beside a file: one holder, named; the branch for Windows with a stand-in for its system call."""

from __future__ import annotations

import os
import platform

import pytest

from lpnb import JournalError, Receiver, ReceiverError, Settings
from lpnb._internal import writer_lock
from lpnb._internal.writer_lock import FileLock, LockHeldError, WindowsLocks, is_locked
from lpnb.journal import Journal

needs_flock = pytest.mark.skipif(os.name == "nt", reason="the stand-in is made of flock")


class FakeMsvcrt:
    """Locks as Windows does, with flock below: exclusively, and gone when the handle is closed."""

    LK_NBLCK = 2

    def __init__(self):
        self.places = []

    def locking(self, handle, mode, count):
        import fcntl

        assert (mode, count) == (self.LK_NBLCK, 1)
        self.places.append(os.lseek(handle, 0, os.SEEK_CUR))
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.fixture
def windows(monkeypatch):
    msvcrt = FakeMsvcrt()
    monkeypatch.setattr(writer_lock, "_system", WindowsLocks(msvcrt))
    return msvcrt


@needs_flock
def test_on_windows_a_second_holder_is_refused_with_the_first_one_s_name(windows, tmp_path):
    file = tmp_path / "run.sqlite"
    first = FileLock(file)

    assert is_locked(file)
    with pytest.raises(LockHeldError) as caught:
        FileLock(file)

    assert caught.value.holder.startswith(f"process {os.getpid()} on {platform.node()} since 20")
    assert set(windows.places) == {4096}  # behind the text, which Windows lets nobody read where it is locked
    first.close()


@needs_flock
def test_on_windows_the_lock_s_file_stays_empty_and_can_be_taken_again(windows, tmp_path):
    file = tmp_path / "run.sqlite"
    FileLock(file).close()

    lock = tmp_path / "run.sqlite.lock"
    assert (lock.read_bytes(), is_locked(file)) == (b"", False)
    with_it = FileLock(file)
    assert is_locked(file)
    with_it.close()


@needs_flock
def test_on_windows_a_journal_and_a_receiver_have_one_writer_each(windows, tmp_path):
    journal = Journal.create(tmp_path / "run.sqlite", {"name": "x"}, [])
    with pytest.raises(
        JournalError, match=r"is being written by process \d+ on .* A journal has one writer; "
    ):
        Journal.open(tmp_path / "run.sqlite")
    journal.close()
    Journal.open(tmp_path / "run.sqlite").close()

    account = Settings("12345678", "my-installation", "my-secret")
    file = tmp_path / "received.sqlite"
    with (
        Receiver(account, keep=file),
        pytest.raises(ReceiverError, match=r"is being written by process \d+ on .* Stop that receiver, or "),
    ):
        Receiver(account, keep=file).start()
    with Receiver(account, keep=file) as receiver:
        assert len(receiver) == 0
