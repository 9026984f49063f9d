"""Public files from a server here that behaves and misbehaves: what is taken, kept, continued and refused."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress

from concentra.errors import ArgumentError, DataAbsentError, FileFormatError, MissingDependencyError
from concentra.io._bar import Bar
from concentra.io.fetch import Fetched, Remote, check, fetch
from concentra.io.resuming import CHUNK, Resuming
from definitions_fetch import Page, Site, serving
from definitions_study import wait_until

BODY = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
NOW = (0.0, 0.0)  # seconds before each further try
STOP = 100_000  # bytes after which a server stops
KEPT = STOP // CHUNK * CHUNK  # bytes of those that have been written


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as one:
        one.pages["/file"] = Page(BODY)
        yield one


def remote(site: Site, path: str = "/file", body: bytes | None = BODY) -> Remote:
    return Remote(site.url(path), "sub/file.bin", None if body is None else digest(body))


def get(site: Site, folder: Path, path: str = "/file", body: bytes | None = BODY, **more: Any) -> Fetched:
    return fetch(remote(site, path, body), folder, waits=NOW, **more)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def broken_off(site: Site, folder: Path, **page: Any) -> Path:
    """A part that a server left which stops and cannot continue."""
    site.pages["/file"] = Page(BODY, ranges=False, stop=STOP, **page)
    with pytest.raises(FileFormatError, match=f"broke off after {KEPT} bytes of {len(BODY)}"):
        get(site, folder)
    site.pages["/file"] = Page(BODY, **page)
    site.log.clear()
    return folder / "sub" / "file.bin.part"


def test_a_whole_file(site: Site, tmp_path: Path) -> None:
    got = get(site, tmp_path)
    assert (got.now, got.verified, got.size, got.sha256) == (True, "known", len(BODY), digest(BODY))
    assert got.path == tmp_path / "sub" / "file.bin"
    assert got.path.read_bytes() == BODY
    assert names(tmp_path) == ["file.bin"]
    assert site.log[0].range is None
    again = get(site, tmp_path)
    assert (again.now, again.verified) == (False, "known")
    assert len(site.log) == 1, "what is there is not asked for"


def test_an_unknown_hash_is_noted_and_holds(site: Site, tmp_path: Path) -> None:
    got = get(site, tmp_path, body=None)
    assert (got.now, got.verified, got.sha256) == (True, "nothing", digest(BODY))
    assert names(tmp_path) == ["file.bin", "file.bin.sha256"]
    ended = subprocess.run(
        ["sha256sum", "--check", "file.bin.sha256"], cwd=got.path.parent, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert check(remote(site, body=None), got.path).verified == "first fetch"
    got.path.write_bytes(OTHER)
    with pytest.raises(FileFormatError, match="noted when it was fetched") as problem:
        get(site, tmp_path, body=None)
    assert digest(OTHER) in problem.value.found
    assert digest(BODY) in problem.value.expected
    got.path.with_name("file.bin.sha256").unlink()
    assert get(site, tmp_path, body=None).verified == "nothing"


def test_another_file_of_that_name_is_left_alone(site: Site, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    mine = tmp_path / "sub" / "file.bin"
    mine.write_bytes(OTHER)
    with pytest.raises(FileFormatError, match="move the file away") as problem:
        get(site, tmp_path)
    assert digest(OTHER) in problem.value.found
    assert digest(BODY) in problem.value.expected
    assert mine.read_bytes() == OTHER
    assert site.log == []


@pytest.mark.parametrize("verified", [True, False])
def test_a_broken_download_goes_on_where_it_stopped(site: Site, tmp_path: Path, verified: bool) -> None:
    part = broken_off(site, tmp_path)
    assert part.read_bytes() == BODY[:KEPT]
    assert not part.with_name("file.bin").exists()
    got = get(site, tmp_path, body=BODY if verified else None)
    assert got.path.read_bytes() == BODY
    assert [(one.status, one.range, one.if_range) for one in site.log] == [
        (206, f"bytes={KEPT}-", '"first"'),
    ]
    assert site.log[0].sent == len(BODY) - KEPT
    assert "file.bin.part" not in names(tmp_path)


def test_a_server_that_always_breaks_off_is_asked_until_all_has_come(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = Page(BODY, stop=STOP)
    assert get(site, tmp_path).path.read_bytes() == BODY
    assert len(site.log) == 4
    assert [one.range for one in site.log] == [None, *(f"bytes={times * KEPT}-" for times in (1, 2, 3))]


def test_a_server_may_give_the_rest_by_and_by(site: Site, tmp_path: Path) -> None:
    broken_off(site, tmp_path)
    site.pages["/file"].most = 90_000
    assert get(site, tmp_path, body=None).path.read_bytes() == BODY
    assert [one.range for one in site.log] == [f"bytes={KEPT + times * 90_000}-" for times in range(3)]


def test_nothing_compressed_is_asked_for(site: Site, tmp_path: Path) -> None:
    site.pages["/file"].compresses = True
    assert get(site, tmp_path).path.read_bytes() == BODY
    assert site.log[0].sent == len(BODY)


def test_a_server_that_ignores_ranges_begins_again(site: Site, tmp_path: Path) -> None:
    broken_off(site, tmp_path)
    site.pages["/file"].ranges = False
    assert get(site, tmp_path).path.read_bytes() == BODY
    assert [(one.status, one.sent) for one in site.log] == [(200, len(BODY))]


@pytest.mark.parametrize("heeds", [True, False])
@pytest.mark.parametrize("length", [len(BODY), len(BODY) + 7])
def test_versions_are_not_spliced(site: Site, tmp_path: Path, heeds: bool, length: int) -> None:
    broken_off(site, tmp_path)
    changed = (OTHER * 2)[:length]
    site.pages["/file"] = Page(changed, etag='"second"', heeds_if_range=heeds)
    got = get(site, tmp_path, body=None)
    assert got.path.read_bytes() == changed
    assert [one.status for one in site.log] == ([200] if heeds else [206, 200])


def test_the_same_tag_with_another_length_is_another_version(site: Site, tmp_path: Path) -> None:
    broken_off(site, tmp_path)
    site.pages["/file"].body = OTHER + b"more"
    assert get(site, tmp_path, body=None).path.read_bytes() == OTHER + b"more"
    assert [one.status for one in site.log] == [206, 200]


@pytest.mark.parametrize(
    ("etag", "modified", "sent"),
    [
        (None, "Mon, 02 Mar 2026 10:00:00 GMT", "Mon, 02 Mar 2026 10:00:00 GMT"),
        ('W/"weak"', "Mon, 02 Mar 2026 10:00:00 GMT", "Mon, 02 Mar 2026 10:00:00 GMT"),
        ('W/"weak"', None, None),
        (None, None, None),
    ],
)
def test_only_what_tells_versions_apart_is_continued(
    site: Site, tmp_path: Path, etag: str | None, modified: str | None, sent: str | None
) -> None:
    broken_off(site, tmp_path, etag=etag, modified=modified)
    assert get(site, tmp_path).path.read_bytes() == BODY
    assert [one.if_range for one in site.log] == [sent]
    assert site.log[0].range == (sent and f"bytes={KEPT}-")


def test_another_address_is_another_version(site: Site, tmp_path: Path) -> None:
    broken_off(site, tmp_path)
    site.pages["/moved"] = Page(OTHER)
    assert get(site, tmp_path, "/moved", OTHER).path.read_bytes() == OTHER
    assert [one.range for one in site.log] == [None]


@pytest.mark.parametrize("note", ["", "{", "[1]", '{"who": 1}', None])
def test_a_damaged_note_begins_again(site: Site, tmp_path: Path, note: str | None) -> None:
    part = broken_off(site, tmp_path)
    part.with_name("file.bin.part.json").unlink()
    if note is not None:
        part.with_name("file.bin.part.json").write_text(note)
    assert get(site, tmp_path).path.read_bytes() == BODY
    assert [one.range for one in site.log] == [None]


def test_a_part_that_is_longer_than_the_file_begins_again(site: Site, tmp_path: Path) -> None:
    part = broken_off(site, tmp_path)
    part.write_bytes(BODY + b"too much")
    assert get(site, tmp_path).path.read_bytes() == BODY
    assert [one.status for one in site.log] == [416, 200]


def test_a_part_that_is_whole_is_not_asked_for(site: Site, tmp_path: Path) -> None:
    part = broken_off(site, tmp_path)
    part.write_bytes(BODY)
    assert get(site, tmp_path).path.read_bytes() == BODY
    assert site.log == []


def test_a_wrong_hash_is_not_taken_and_not_kept(site: Site, tmp_path: Path) -> None:
    site.pages["/file"].body = OTHER
    with pytest.raises(FileFormatError, match="Nothing of it was kept") as problem:
        get(site, tmp_path)
    assert digest(OTHER) in problem.value.found
    assert digest(BODY) in problem.value.expected
    assert names(tmp_path) == []


def test_a_wrong_length_is_not_taken(site: Site, tmp_path: Path) -> None:
    wanted = Remote(site.url("/file"), "file.bin", size=len(BODY) + 1)
    with pytest.raises(FileFormatError, match=f"gave {len(BODY)} bytes") as problem:
        fetch(wanted, tmp_path, waits=NOW)
    assert problem.value.expected == f"{len(BODY) + 1} bytes"
    assert names(tmp_path) == []


def test_a_longer_body_is_stopped_at_the_known_size(site: Site, tmp_path: Path) -> None:
    """Whether the head tells the length or not."""
    wanted = Remote(site.url("/file"), "file.bin", size=1000)
    for page in (Page(BODY), Page(BODY, length=False, chunked=True, piece=500, pause=0.001)):
        site.pages["/file"] = page
        with pytest.raises(FileFormatError, match="Nothing of it was kept") as problem:
            fetch(wanted, tmp_path, waits=NOW)
        assert problem.value.expected == "1000 bytes"
        assert names(tmp_path) == []
    assert site.log[-1].sent < len(BODY) / 2, "the rest was not waited for"


def test_a_file_of_another_length_is_left_alone(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(BODY)
    with pytest.raises(FileFormatError, match="has 300000 bytes"):
        fetch(Remote(site.url("/file"), "file.bin", size=7), tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == BODY


def test_a_part_that_was_not_requested_is_refused(site: Site, tmp_path: Path) -> None:
    site.pages["/file"].offset = 1000
    with pytest.raises(DataAbsentError, match="bytes 1000-299999/300000"):
        get(site, tmp_path, body=None)
    assert names(tmp_path) == []


def test_what_nobody_could_tell_to_be_whole_is_refused(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = Page(BODY, length=False, stop=STOP)
    with pytest.raises(DataAbsentError, match="does not tell the length"):
        get(site, tmp_path, body=None)
    assert names(tmp_path) == []


def test_a_file_fetched_again_is_held_against_the_first(site: Site, tmp_path: Path) -> None:
    get(site, tmp_path, body=None).path.unlink()
    site.pages["/file"].body = OTHER
    with pytest.raises(FileFormatError, match="Nothing of it was kept") as problem:
        get(site, tmp_path, body=None)
    assert digest(BODY) in problem.value.expected
    site.pages["/file"].body = BODY
    again = get(site, tmp_path, body=None)
    assert (again.now, again.verified) == (True, "first fetch")


@pytest.mark.parametrize(
    "start",
    [
        b"<!DOCTYPE html><p>",
        b"\xef\xbb\xbf \n<HTML lang=en>",
        b"<?xml version='1.0'?><!-- a --><html>",
        b"<head>",
    ],
)
@pytest.mark.parametrize("kind", ["application/octet-stream", "text/csv"])
def test_a_page_by_any_name_is_refused(site: Site, tmp_path: Path, start: bytes, kind: str) -> None:
    site.pages["/file"] = Page(start + BODY, kind=kind)
    with pytest.raises(DataAbsentError, match="a page of HTML"):
        get(site, tmp_path, body=None)
    assert names(tmp_path) == []


def test_xhtml_is_a_page(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = Page(BODY, kind="application/xhtml+xml")
    with pytest.raises(DataAbsentError, match=r"answered 200 with application/xhtml\+xml"):
        get(site, tmp_path, body=None)


def test_a_server_that_trickles_is_given_up(site: Site, tmp_path: Path) -> None:
    """Every wait for a byte is short; all together are not."""
    site.pages["/file"] = Page(BODY, piece=100, pause=0.05)
    start = time.monotonic()
    with pytest.raises(DataAbsentError, match="bytes in 1 seconds"):
        get(site, tmp_path, total=1.0)
    assert time.monotonic() - start < 10
    assert not (tmp_path / "sub" / "file.bin").exists()


def test_time_grows_with_the_file() -> None:
    wanted = Resuming(size=7_700_000_000)
    assert wanted._allowed(Path("none.part")) > 24 * 3600
    assert Resuming(size=10)._allowed(Path("none.part")) == 300


@pytest.mark.parametrize("name", ["file.bin.part", "file.bin.part.json"])
def test_links_are_not_written_through(site: Site, tmp_path: Path, name: str) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(OTHER)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / name).symlink_to(mine)
    if name.endswith(".part"):
        with pytest.raises(ArgumentError, match="is a symbolic link"):
            get(site, tmp_path)
    else:
        get(site, tmp_path)
    assert mine.read_bytes() == OTHER


def test_redirects_are_followed_also_to_the_rest(site: Site, tmp_path: Path) -> None:
    site.pages |= {"/a": Page(moved="/b"), "/b": Page(moved=site.url("/c")), "/c": Page(BODY, stop=200_000)}
    assert get(site, tmp_path, "/a").path.read_bytes() == BODY
    assert [one.path for one in site.log] == ["/a", "/b", "/c"] * 2
    kept = 200_000 // CHUNK * CHUNK
    assert site.log[-1].range == f"bytes={kept}-"
    assert site.log[-1].sent == len(BODY) - kept


def test_redirects_in_a_circle_end(site: Site, tmp_path: Path) -> None:
    site.pages |= {"/a": Page(moved="/b"), "/b": Page(moved="/a")}
    with pytest.raises(DataAbsentError, match="Exceeded 30 redirects"):
        get(site, tmp_path, "/a")
    assert names(tmp_path) == []


def test_what_is_not_there_is_asked_for_once(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataAbsentError, match="answered 404 Not Found"):
        get(site, tmp_path, "/nowhere")
    assert len(site.log) == 1
    assert names(tmp_path) == []


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.pages["/file"].states = [503, 429]
    assert get(site, tmp_path).path.read_bytes() == BODY
    assert [one.status for one in site.log] == [503, 429, 200]


def test_a_server_that_stays_busy_is_given_up(site: Site, tmp_path: Path) -> None:
    site.pages["/file"].states = [503] * 99
    with pytest.raises(DataAbsentError, match="answered 503 Service Unavailable"):
        get(site, tmp_path)
    assert len(site.log) == 1 + len(NOW)


def test_a_busy_server_leaves_the_part(site: Site, tmp_path: Path) -> None:
    part = broken_off(site, tmp_path)
    site.pages["/file"].states = [503] * 99
    with pytest.raises(DataAbsentError, match="answered 503"):
        get(site, tmp_path)
    assert part.read_bytes() == BODY[:KEPT]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(b"<p>Are you human?</p>", kind="text/html; charset=utf-8"), "answered 200 with text/html"),
        (Page(states=[202]), "answered 202 with nothing"),
        (Page(gzip.compress(BODY), coding="gzip"), "application/octet-stream as gzip"),
    ],
)
def test_what_is_no_file_is_refused(site: Site, tmp_path: Path, page: Page, words: str) -> None:
    site.pages["/file"] = page
    with pytest.raises(DataAbsentError, match="in a browser") as problem:
        get(site, tmp_path, body=None)
    assert words in problem.value.found
    assert names(tmp_path) == []


def test_a_length_that_is_not_told(site: Site, tmp_path: Path) -> None:
    site.pages["/file"].length = False
    assert get(site, tmp_path).path.read_bytes() == BODY
    (tmp_path / "sub" / "file.bin").unlink()
    site.pages["/file"].stop = STOP
    with pytest.raises(FileFormatError, match=f"gave {STOP} bytes"):
        get(site, tmp_path)
    assert names(tmp_path) == []


def test_chunks_tell_where_they_break_off(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = Page(BODY, length=False, chunked=True, stop=STOP, ranges=False)
    with pytest.raises(FileFormatError, match=r"broke off after \d+ bytes\n") as problem:
        get(site, tmp_path, body=None)
    assert problem.value.fix.endswith("kept as file.bin.part")
    site.pages["/file"].stop = None
    assert get(site, tmp_path, body=None).path.read_bytes() == BODY


@pytest.mark.parametrize("page", [Page(BODY, stop=0), Page(b""), Page(b"", length=False)])
def test_an_empty_answer_is_no_file(site: Site, tmp_path: Path, page: Page) -> None:
    site.pages["/file"] = page
    with pytest.raises(DataAbsentError, match="brought nothing"):
        get(site, tmp_path)
    assert names(tmp_path) == []


def test_nobody_answers(site: Site, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/file"
    with pytest.raises(DataAbsentError, match="Connection refused"):
        fetch(Remote(url, "file.bin"), tmp_path, waits=NOW)
    assert names(tmp_path) == []


def test_a_server_that_falls_silent(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = Page(BODY, pause=5, ranges=False)
    with pytest.raises((DataAbsentError, FileFormatError), match="run the command again"):
        fetch(remote(site), tmp_path, waits=(), timeout=0.2)
    assert not (tmp_path / "sub" / "file.bin").exists()


def test_no_space_is_said_before(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = broken_off(site, tmp_path)
    missing = len(BODY) - KEPT
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, missing - 1))
    with pytest.raises(DataAbsentError, match=f"{missing - 1} bytes are free") as problem:
        get(site, tmp_path)
    assert problem.value.expected.startswith(f"{missing} bytes")
    assert part.read_bytes() == BODY[:KEPT]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, missing))
    assert get(site, tmp_path).path.read_bytes() == BODY


def child(url: str, folder: Path, body: bytes) -> list[str]:
    """The words of a process that fetches."""
    code = "import sys; from concentra.io.fetch import Remote, fetch\n"
    code += "fetch(Remote(sys.argv[1], 'file.bin', sys.argv[2]), sys.argv[3])"
    return [sys.executable, "-c", code, url, digest(body), str(folder)]


def test_a_disk_that_fills_up(site: Site, tmp_path: Path) -> None:
    full = 2 * STOP + 1000
    body = np.random.default_rng(2).bytes(4 * STOP)
    site.pages["/file"].body = body
    ended = subprocess.run(
        child(site.url("/file"), tmp_path, body),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (full, full)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "file.bin cannot be written: File too large" in ended.stderr
    assert "what has come is kept" in ended.stderr
    part = tmp_path / "file.bin.part"
    assert part.read_bytes() == body[:full]
    assert names(tmp_path) == ["file.bin.part", "file.bin.part.json"]
    assert fetch(Remote(site.url("/file"), "file.bin", digest(body)), tmp_path).path.read_bytes() == body
    assert site.log[-1].sent == len(body) - full


def test_a_killed_process_loses_only_what_was_on_its_way(site: Site, tmp_path: Path) -> None:
    body = np.random.default_rng(3).bytes(60 * STOP)
    site.pages["/file"] = Page(body, pause=0.005)
    process = subprocess.Popen(child(site.url("/file"), tmp_path, body))
    part = tmp_path / "file.bin.part"
    try:
        wait_until(lambda: part.exists() and part.stat().st_size >= 20 * STOP, 60)
    finally:
        process.kill()
        process.wait()
    kept = part.stat().st_size
    assert 20 * STOP <= kept < len(body)
    assert part.read_bytes() == body[:kept]
    assert not (tmp_path / "file.bin").exists()
    site.pages["/file"].pause = 0
    site.log.clear()
    assert fetch(Remote(site.url("/file"), "file.bin", digest(body)), tmp_path).path.read_bytes() == body
    assert [(one.range, one.sent) for one in site.log] == [(f"bytes={kept}-", len(body) - kept)]
    assert names(tmp_path) == ["file.bin"]


def test_one_process_at_a_time(site: Site, tmp_path: Path) -> None:
    part = broken_off(site, tmp_path)
    with part.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DataAbsentError, match="another process is fetching file"):
            get(site, tmp_path)
    assert part.read_bytes() == BODY[:KEPT]
    assert site.log == []
    assert get(site, tmp_path).path.read_bytes() == BODY


def test_a_folder_that_is_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "sub").write_text("mine")
    with pytest.raises(DataAbsentError, match="cannot be written"):
        get(site, tmp_path)
    assert (tmp_path / "sub").read_text() == "mine"


def test_pooch_is_named_where_it_is_missing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingDependencyError, match=r"concentra\[study\]"):
        get(site, tmp_path)
    assert names(tmp_path) == []


def test_pooch_takes_the_downloader(site: Site, tmp_path: Path) -> None:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    path = pooch.retrieve(
        site.url("/file"), digest(BODY), "file.bin", tmp_path, downloader=Resuming(waits=NOW)
    )
    assert Path(path).read_bytes() == BODY


def test_the_note_says_which_version(site: Site, tmp_path: Path) -> None:
    part = broken_off(site, tmp_path)
    assert json.loads(part.with_name("file.bin.part.json").read_text()) == {
        "url": site.url("/file"),
        "validator": '"first"',
        "length": len(BODY),
    }


def test_the_bar_counts_what_is_there_already() -> None:
    progress = Progress(disable=True)
    bar = Bar(progress, "file.bin")
    bar.start = 40
    bar.total = 60
    task = progress.tasks[0]
    assert (task.total, task.completed, bar.total) == (100, 40, 100)
    bar.update(10)
    assert task.completed == 50
    bar.reset()
    bar.update(60)
    bar.close()
    assert task.finished
    untold = Bar(progress, "file.bin")
    untold.total = 0
    untold.update(10)
    assert (untold.total, progress.tasks[1].completed) == (None, 10)


def test_the_bar_of_a_continued_download_ends_where_the_file_does(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off(site, tmp_path)
    progress = Progress(disable=True)
    monkeypatch.setattr("concentra.io.resuming.bar_of", lambda name: nullcontext(Bar(progress, name)))
    get(site, tmp_path)
    task = progress.tasks[0]
    assert (task.description, task.total, task.completed) == ("file.bin", len(BODY), len(BODY))


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    get(site, tmp_path)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("file.bin" in captured.err) == terminal
    assert threading.active_count() < 20, "the bar's thread has ended"
