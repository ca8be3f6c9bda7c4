"""The journal's promise: what makes a channel again is on the disk before its delete leaves."""

import json
import os
from pathlib import Path

import pytest

from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put

DELETE = "DeleteSignalingChannel"


def test_flushed_before_the_delete_leaves(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is flushed while the service has heard of no delete, the end of it afterwards."""
    put(emulator, "ci-1")
    journal = tmp_path / "journal.jsonl"
    flush, flushed = os.fsync, list[tuple[int, list[str]]]()

    def noted(file: int) -> None:
        flush(file)
        if os.path.samestat(os.fstat(file), journal.stat()):
            lines = journal.read_text(encoding="utf-8").splitlines()
            flushed.append((emulator.calls[DELETE], [json.loads(line)["event"] for line in lines]))

    monkeypatch.setattr(os, "fsync", noted)
    argv = ("--older-than", "1h", "--any-channel", "--yes", "--journal", str(journal))
    assert kvsops("sweep", *argv).code == 0
    assert flushed == [(0, ["deleting"]), (1, ["deleting", "deleted"])]
