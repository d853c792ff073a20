"""How migrate finds the new ids, and what it does where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from extend_source import MigrateResult, UsageError, erase, migrate
from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.sandbox import OddAnswer, Options, SandboxServer, Workspace
from extend_source.sandbox.requests_log import LoggedRequest
from tests.acceptance.scenes import OpenWarehouse, reopen
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.thorough

LISTS = {"list_runs": 2, "list_extract_runs": 1, "list_classify_runs": 1, "list_split_runs": 1}


class World:
    """A few runs that have landed in 2025-04-21, some of them alike.

    Attributes:
        ids: the ids of the runs, by what they are called here: lone, of two files (first, second), twins (of the same
            file), erased, and deleted (erased, and then deleted at Extend).
    """

    def __init__(self, server: SandboxServer, folder: Path) -> None:
        self.server, workspace = server, server.workspace
        now = workspace.now
        file_id = workspace.run_payload(workspace.add_run(status="PROCESSED", created_at=now))["files"][0]["id"]
        self.ids = {"lone": workspace.run_ids()[0]}
        for minutes, names, file in (
            (1, ("first", "second"), None),
            (2, ("twin", "other_twin"), file_id),
            (3, ("erased",), None),
            (4, ("deleted",), None),
        ):
            created = now - timedelta(minutes=minutes)
            for name in names:
                self.ids[name] = workspace.add_run(status="PROCESSED", created_at=created, file_id=file)
        self.warehouse = OpenWarehouse(server, folder)
        self.warehouse.sync()
        erase(self.warehouse.pipeline, run_ids=[self.ids["erased"], self.ids["deleted"]])
        workspace.delete_run(self.ids["deleted"])

    def new_id(self, name: str) -> str:
        """The id in 2026-02-09 of a run, all of which extract."""
        suffix = self.ids[name].removeprefix("dpr_")
        return "exr_" + (suffix if self.server.workspace.same_id_suffixes else suffix[::-1])

    def migrate(self, warehouse: Warehouse | None = None, **arguments: Any) -> MigrateResult:
        chosen = warehouse or self.warehouse
        return migrate(chosen.pipeline, **chosen.settings(**arguments))


@pytest.fixture(scope="module")
def made_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with SandboxServer(workspaces=[Workspace(runs=0)]) as server:
        yield World(server, tmp_path_factory.mktemp("migrate-ids"))


@pytest.fixture
def world(made_world: World) -> Iterator[World]:
    workspace = made_world.server.workspace
    made_world.server.requests.reset()
    yield made_world
    workspace.same_id_suffixes, made_world.server.instead = True, None


@pytest.fixture
def copied(world: World, tmp_path: Path) -> Warehouse:
    """A copy of the dataset, to be migrated."""
    copy = Warehouse.copy_to(world.warehouse, tmp_path / "copy")
    reopen(copy)
    return copy


def refused(status: int, code: str) -> OddAnswer:
    return OddAnswer(status, f'{{"code": "{code}", "message": "no"}}'.encode(), {"content-type": "application/json"})


def is_of(version: str, entry: LoggedRequest) -> bool:
    return entry.headers["x-extend-api-version"] == version


def test_suffixes_that_agree_in_one_page_of_both_lists_are_the_map(world: World) -> None:
    plan = world.migrate()

    assert (plan.matched_by, plan.runs, plan.matched, plan.unmatched) == ("suffix", 5, 5, {})
    assert (plan.erasures, plan.unknown_erasures) == (2, {})
    assert world.server.requests.counts == {**LISTS, "get_run": 1}  # the deleted one: is it gone?


def test_where_suffixes_do_not_agree_only_what_is_the_one_of_its_kind_is_matched(world: World) -> None:
    world.server.workspace.same_id_suffixes = False

    plan = world.migrate()

    assert (plan.matched_by, plan.runs, plan.matched, plan.unmatched) == ("attributes", 5, 3, {"ambiguous": 2})
    assert (plan.processors, plan.keeps_file_ids) == (1, True)
    assert (plan.erasures, plan.unknown_erasures) == (2, {})
    assert world.server.requests.counts == {**LISTS, "list_runs": 3, "get_run": 1}


@pytest.mark.parametrize(("status", "code"), [(404, "NOT_FOUND"), (410, "ENDPOINT_REMOVED")])
def test_without_the_older_list_in_the_newer_version_attributes_decide(world: World, status: int, code: str) -> None:
    gone = refused(status, code)
    world.server.instead = lambda entry: gone if entry.route == "list_runs" and is_of(CURRENT_VERSION, entry) else None

    plan = world.migrate()

    assert (plan.matched_by, plan.matched, plan.unmatched) == ("attributes", 3, {"ambiguous": 2})


def test_where_the_older_version_is_served_no_longer_what_has_landed_is_the_proof(world: World) -> None:
    unknown = OddAnswer(400, b'{"message": "Unknown API version"}', {"content-type": "application/json"})
    world.server.instead = lambda entry: unknown if is_of(API_VERSION, entry) else None

    plan = world.migrate()

    assert (plan.matched_by, plan.matched, plan.unmatched, plan.erasures) == ("suffix", 5, {}, 2)


def test_a_migration_by_attributes_keeps_out_what_was_erased(world: World, copied: Warehouse) -> None:
    world.server.workspace.same_id_suffixes = False

    result = world.migrate(copied, dry_run=False)

    assert result.state == "done"
    names = ("lone", "first", "second", "twin", "other_twin")
    assert copied.column("processor_runs", "id") == sorted(map(world.new_id, names))
    assert not [entry for entry in world.server.requests.entries if world.new_id("erased") in entry.path]
    erased = [world.ids["erased"], world.ids["deleted"], world.new_id("erased")]
    assert copied.column("erasures", "id") == sorted(erased)
    found = {row["old_id"]: (row["new_id"], row["matched_by"], row["reason"]) for row in migrated_runs(copied)}
    matched = {world.ids[name]: (world.new_id(name), "attributes", None) for name in names[:3]}
    assert found == {**matched, **{world.ids[name]: (None, None, "ambiguous") for name in names[3:]}}
    assert result.comparison is not None
    assert (result.comparison.pairs, result.comparison.only_old, result.comparison.only_new) == (3, 2, 2)


def migrated_runs(warehouse: Warehouse) -> list[dict[str, Any]]:
    columns = ("old_id", "new_id", "matched_by", "reason")
    rows = warehouse.query(f"select {', '.join(columns)} from migrated_ids where resource_type = 'processor_run'")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_an_erased_run_that_cannot_be_told_stops_the_migration_before_anything_is_loaded(
    world: World, copied: Warehouse
) -> None:
    world.server.workspace.same_id_suffixes = False
    erase(copied.pipeline, run_ids=[world.ids["twin"]])
    line = rf"Erased objects would come back, .*: {world.ids['twin']} \(ambiguous\)\. Delete them at Extend"

    assert world.migrate(copied).unknown_erasures == {world.ids["twin"]: "ambiguous"}
    with pytest.raises(UsageError, match=line):
        world.migrate(copied, dry_run=False)

    schemas = {row[0] for row in copied.query("select schema_name from information_schema.schemata")}
    assert "extend_2026_02_09" not in schemas
    assert not [entry for entry in world.server.requests.entries if "/extract_runs/" in entry.path]
    assert world.migrate(copied, dry_run=False, load_unknown_erasures=True).state == "done"
    assert {world.new_id("twin"), world.new_id("other_twin")} <= set(copied.column("processor_runs", "id"))


def test_an_erased_run_that_is_there_but_not_under_the_id_expected_stops_the_migration(tmp_path: Path) -> None:
    workspace = Workspace(runs=0)
    for minutes in range(4):
        workspace.add_run(status="PROCESSED", created_at=workspace.now - timedelta(minutes=minutes))
    odd = {**workspace.run_payload(workspace.run_ids()[0]), "id": "dpr_odd", "type": "MYSTERY"}
    workspace.put_run(odd, created_at=workspace.now)  # no list of 2026-02-09 has it
    with SandboxServer(workspaces=[workspace], options=Options(largest_page=3)) as server:
        warehouse = OpenWarehouse(server, tmp_path)
        warehouse.sync()
        erase(warehouse.pipeline, run_ids=["dpr_odd"])

        plan = migrate(warehouse.pipeline, **warehouse.settings())

        assert (plan.matched_by, plan.matched, plan.unknown_erasures) == ("suffix", 4, {"dpr_odd": "not_listed"})
        with pytest.raises(UsageError, match=r"dpr_odd \(not listed\)"):
            migrate(warehouse.pipeline, dry_run=False, **warehouse.settings())


def test_an_erased_file_that_runs_do_not_tell_is_asked_for(world: World, copied: Warehouse) -> None:
    files = [row["id"] for row in copied.rows("files")]
    erase(copied.pipeline, file_ids=files)  # so that no run names a file any longer
    world.server.requests.reset()

    plan = world.migrate(copied)

    assert (plan.keeps_file_ids, plan.unknown_erasures, plan.erasures) == (None, {}, 2 + len(files))
    assert world.server.requests.counts["get_file"] == len(files)


def test_a_run_that_landed_otherwise_than_its_suffix_says_refutes_the_suffixes(world: World, copied: Warehouse) -> None:
    copied.execute(f"update processor_runs set created_at = '2020-01-01' where id = '{world.ids['lone']}'")

    plan = world.migrate(copied)

    assert plan.matched_by == "attributes"


def test_an_erased_processor_is_kept_out_under_the_id_that_its_runs_tell(world: World, copied: Warehouse) -> None:
    groups = ["runs", "processors"]
    copied.sync(objects=groups, reconcile=True)
    (erased,) = set(copied.column("processor_runs", "processor_id"))
    versions = [row["id"] for row in copied.rows("processor_versions") if row["processor_id"] == erased]
    others = set(copied.column("processors", "id")) - {erased}
    erase(copied.pipeline, run_ids=[erased])

    assert world.migrate(copied, objects=groups).unknown_erasures == {}
    assert world.migrate(copied, objects=groups, dry_run=False).state == "done"

    suffix = erased.removeprefix("dp_")
    assert {erased, f"ex_{suffix}", *versions} < set(copied.column("erasures", "id"))
    landed = {each.partition("_")[2] for each in copied.column("processors", "id")}
    assert landed == {each.removeprefix("dp_") for each in others}
    assert suffix not in {each.partition("_")[2] for each in copied.column("processor_versions", "processor_id")}


@pytest.mark.parametrize("named", ["old_id", "new_id"])
def test_a_processor_of_a_migrated_dataset_is_erased_by_either_id(world: World, copied: Warehouse, named: str) -> None:
    groups = ["runs", "processors"]
    copied.sync(objects=groups, reconcile=True)
    world.migrate(copied, objects=groups, dry_run=False)
    (ids,) = copied.query("select old_id, new_id from migrated_ids where resource_type = 'processor'")
    versions = {table: f"select count(*) from {table}.processor_versions" for table in ("extend", "extend_2025_04_21")}
    before = {name: copied.query(sql)[0][0] for name, sql in versions.items()}

    result = erase(copied.pipeline, run_ids=[ids[named == "new_id"]])

    assert (result.runs, result.others["processor"]) == (0, 1)
    assert set(ids) == {row["id"] for row in copied.rows("erasures") if row["resource_type"] == "processor"}
    for dataset, id_there in zip(("extend_2025_04_21", "extend"), ids, strict=True):
        gone = result.rows[f"{dataset}.processor_versions".removeprefix("extend.")]
        assert copied.query(versions[dataset]) == [(before[dataset] - gone,)]
        assert copied.query(f"select count(*) from {dataset}.processor_versions where processor_id = '{id_there}'") == [
            (0,)
        ]
    copied.sync(api_version=CURRENT_VERSION, objects=groups, reconcile=True, refresh=True)
    assert set(ids).isdisjoint(copied.column("processors", "id"))


def test_an_erased_processor_that_no_run_tells_stops_the_migration(world: World, copied: Warehouse) -> None:
    groups = ["runs", "processors"]
    copied.sync(objects=groups, reconcile=True)
    idle = next(iter(set(copied.column("processors", "id")) - set(copied.column("processor_runs", "processor_id"))))
    erase(copied.pipeline, run_ids=[idle])

    assert world.migrate(copied, objects=groups).unknown_erasures == {idle: "no_run"}
    with pytest.raises(UsageError, match=rf"Erased objects would come back, .*: {idle} \(no run\)\. "):
        world.migrate(copied, objects=groups, dry_run=False)
    elsewhere = OddAnswer(200, b'{"success": true, "processors": []}', {"content-type": "application/json"})
    world.server.instead = lambda entry: elsewhere if entry.route == "list_processors" else None
    assert world.migrate(copied, objects=groups).unknown_erasures == {}  # gone at Extend, it cannot come back


def test_a_version_that_was_erased_alone_is_no_part_of_a_processor_that_was_erased(
    world: World, copied: Warehouse
) -> None:
    copied.sync(objects=["runs", "processors"], reconcile=True)
    (used,) = set(copied.column("processor_runs", "processor_id"))
    alone = next(row["id"] for row in copied.rows("processor_versions") if row["processor_id"] != used)
    erase(copied.pipeline, run_ids=[alone])
    erase(copied.pipeline, run_ids=[used])

    assert world.migrate(copied).unknown_erasures == {alone: "no_run"}


def test_a_processor_that_is_erased_twice_stays_one_and_stays_out(copied: Warehouse) -> None:
    groups = ["runs", "processors"]
    copied.sync(objects=groups, reconcile=True)
    erased = copied.column("processors", "id")[0]

    for _ in range(2):
        erase(copied.pipeline, run_ids=[erased])
    copied.sync(objects=groups, refresh=True)

    assert copied.query(f"select resource_type from erasures where id = '{erased}'") == [("processor",)]
    assert erased not in copied.column("processors", "id")
    assert erased not in copied.column("processor_versions", "processor_id")
