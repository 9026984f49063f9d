"""Files are whole or absent."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from concentra import files
from concentra.files import replacing, sha256, write_text


def test_text_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "text.md"
    write_text(path, "é\n\r\nx")
    assert path.read_bytes() == "é\n\r\nx".encode()
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            assert path.read_text() == "old"
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["table.csv"]


def test_the_temporary_file_lies_beside_and_keeps_the_ending(tmp_path: Path) -> None:
    with replacing(tmp_path / "figure.svg") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".svg"
        temporary.write_text("new")
    assert (tmp_path / "figure.svg").read_text() == "new"


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    write_text(tmp_path / "ours", "x")
    (tmp_path / "plain").write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "plain")}
    assert len(modes) == 1


def test_long_names(tmp_path: Path) -> None:
    name = "n" * 200 + ".csv"
    write_text(tmp_path / name, "x")
    assert (tmp_path / name).read_text() == "x"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write_text(tmp_path / "x", "x")


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="x"):
        write_text(tmp_path / "x", "x")
    assert [found.name for found in tmp_path.iterdir()] == ["x"]


def test_a_temporary_file_has_its_name_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a process is killed: what it leaves is removed by the next. Who removes it too early loses nothing."""
    seen: list[str] = []

    def hold(number: int, how: int) -> None:
        (found,) = tmp_path.iterdir()
        seen.append(found.name)
        if len(seen) == 1:
            found.unlink()

    monkeypatch.setattr(files.fcntl, "flock", hold)
    with replacing(tmp_path / "table.csv") as temporary:
        temporary.write_text("a")
    assert len(seen) == 2
    assert all(files.UNFINISHED.fullmatch(name) for name in seen)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
