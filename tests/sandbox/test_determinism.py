"""The same seed gives the same bytes, whatever happens around it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from extend_source.sandbox import Workspace
from tests.conftest import NOW

# a change here means that everybody's sample data changes: do it on purpose
DIGEST_OF_SEED_7 = "667096443f2b30b78b1738ebfa9b3ba70e904c560f466f721e511f67ca3d2a19"

DIGEST_SCRIPT = """
import hashlib, sys
from datetime import datetime, timezone
from extend_source.sandbox import Workspace
workspace = Workspace(seed=7, runs=60, now=datetime(2026, 2, 2, 9, tzinfo=timezone.utc))
digest = hashlib.sha256()
for run_id in workspace.run_ids():
    digest.update(workspace.run_body(run_id))
sys.stdout.write(digest.hexdigest())
"""


def bodies(workspace: Workspace) -> list[bytes]:
    return [workspace.run_body(run_id) for run_id in workspace.run_ids()]


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert bodies(Workspace(seed=3, runs=50)) == bodies(Workspace(seed=3, runs=50))


@pytest.mark.case("5.7")
def test_without_a_moment_the_data_end_at_the_present_minute() -> None:
    script = "from extend_source.sandbox import Workspace; print(Workspace(runs=3).now.isoformat())"
    begin = datetime.now(timezone.utc)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    now = datetime.fromisoformat(done.stdout.strip())
    assert begin - timedelta(minutes=1) < now <= datetime.now(timezone.utc)
    assert (now.second, now.microsecond) == (0, 0)


@pytest.mark.case("5.7")
def test_all_runs_are_dated_from_the_moment_of_the_workspace() -> None:
    earlier, later = Workspace(runs=50), Workspace(runs=50, now=NOW + timedelta(days=300))

    assert earlier.run_ids() == later.run_ids()
    for run_id in earlier.run_ids():
        assert later.runs[run_id].created_at - earlier.runs[run_id].created_at == timedelta(days=300)
        assert later.runs[run_id].created_at <= NOW + timedelta(days=300)


def test_another_seed_gives_other_runs_files_and_processors() -> None:
    one, other = Workspace(seed=3, runs=50), Workspace(seed=4, runs=50)
    assert not set(one.run_ids()) & set(other.run_ids())
    assert not set(one.files) & set(other.files)
    assert not {p.id for p in one.processors.values()} & {p.id for p in other.processors.values()}


def test_the_bytes_of_a_seed_do_not_change_between_releases() -> None:
    digest = hashlib.sha256(b"".join(bodies(Workspace(seed=7, runs=60)))).hexdigest()
    assert digest == DIGEST_OF_SEED_7


def test_the_bytes_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIGEST_SCRIPT],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == DIGEST_OF_SEED_7


def test_a_run_does_not_depend_on_how_often_others_are_read() -> None:
    one, other = Workspace(seed=7, runs=20), Workspace(seed=7, runs=20)
    one.run_payload(one.run_ids()[5])
    one.add_run()
    other.add_run()
    assert one.summary(one.run_ids()[-1]) == other.summary(other.run_ids()[-1])


def test_the_same_clock_and_edits_give_the_same_state() -> None:
    states = []
    for _ in range(2):
        workspace = Workspace(seed=5, runs=75)
        workspace.advance(30)
        run_id = next(id_ for id_ in workspace.run_ids() if workspace.runs[id_].status == "PROCESSED")
        workspace.edit_run(run_id)
        workspace.advance(3600)
        states.append(bodies(workspace))
    assert states[0] == states[1]
