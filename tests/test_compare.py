"""`check --compare`: where the API differs from what is expected, and nothing of what was read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from extend_source.api.shapes import Difference, differences, types_of
from extend_source.cli import app
from extend_source.config.settings import ExtendSettings
from extend_source.errors import UsageError
from extend_source.sandbox import LoggedRequest, OddAnswer, Options, SandboxServer
from extend_source.survey import CompareResult, compare
from extend_source.survey.older_questions import about_extractions
from extend_source.survey.report import MARK

OLDER, NEWER = "2025-04-21", "2026-02-09"
SAMPLES = Path(__file__).parent / "samples"
Body = dict[str, Any]
Change = Callable[[str, Body], None]


class Relay:
    """A stand-in whose bodies are changed on their way: it asks another one that is like it."""

    def __init__(self, server: SandboxServer, origin: SandboxServer) -> None:
        self.server = server
        self._origin = httpx.Client(base_url=origin.base_url, headers={"authorization": f"Bearer {origin.api_key}"})

    def change(self, change: Change, **headers: str) -> None:
        """Have every body changed, and headers added; `change` is told the version and the path as in ``/files/{id}``."""

        def instead(entry: LoggedRequest) -> OddAnswer | None:
            version = {"x-extend-api-version": entry.headers["x-extend-api-version"]}
            answer = self._origin.get(entry.path, params=entry.query, headers=version)
            body = answer.json()
            path = "/".join(entry.path.split("/")[:2]) + ("/{id}" if entry.path.count("/") > 1 else "")
            if answer.status_code == 200:
                change(f"{version['x-extend-api-version']} {path}", body)
            return OddAnswer(answer.status_code, json.dumps(body).encode(), headers)

        self.server.organization.instead = instead

    def report(self, file: Path) -> list[str]:
        """Compare; return the lines of the report."""
        compared(self.server, file)
        return file.read_text("utf-8").splitlines()


def compared(server: SandboxServer, file: Path) -> CompareResult:
    settings = ExtendSettings(api_key=server.api_key, base_url=server.base_url, requests_per_second=0)
    return compare(settings, file)


@pytest.fixture(scope="module")
def stand_ins() -> Iterator[tuple[SandboxServer, SandboxServer]]:
    with SandboxServer(runs=60) as server, SandboxServer(runs=60) as origin:
        yield server, origin


@pytest.fixture
def server(stand_ins: tuple[SandboxServer, SandboxServer]) -> Iterator[SandboxServer]:
    server, _ = stand_ins
    server.requests.reset()
    yield server
    server.organization.instead = None


@pytest.fixture
def relay(server: SandboxServer, stand_ins: tuple[SandboxServer, SandboxServer]) -> Relay:
    return Relay(*stand_ins)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.md"


def section(lines: list[str], heading: str) -> list[str]:
    """The lines below a heading."""
    below = lines[lines.index(f"## {heading}") + 1 :]
    end = next((index for index, line in enumerate(below) if line.startswith("## ")), len(below))
    return [line for line in below[:end] if line]


def answer(lines: list[str], expected: str) -> str:
    """The answer to an open question, and what was seen."""
    (row,) = [line for line in lines if line.startswith(f"| {expected} |")]
    return " | ".join(row.strip("| ").split(" | ")[1:])


def test_a_stand_in_without_differences_has_none(server: SandboxServer, file: Path) -> None:
    result = compared(server, file)

    assert section(file.read_text("utf-8").splitlines(), "Differences") == ["no differences"]
    assert (result.differences, result.requests) == (0, server.requests.total)
    assert 20 < server.requests.total <= 34
    assert {entry.method for entry in server.requests.entries} == {"GET"}


def test_each_planted_difference_is_a_line_of_the_report(relay: Relay, file: Path) -> None:
    def change(where: str, body: Body) -> None:
        if where == f"{OLDER} /processor_runs":
            for row in body["processorRuns"][:3]:
                row["priority"] = 4
            body["processorRuns"][0]["status"] = "ON_HOLD"
        elif where == f"{OLDER} /processor_runs/{{id}}":
            body["processorRun"]["reviewed"] = "no"
        elif where == f"{NEWER} /classify_runs/{{id}}":
            del body["dashboardUrl"]
            body["status"] = "held by 4711"
        elif where == f"{NEWER} /parse_runs":
            body["total"] = 9
            body["data"][0]["createdAt"] = "yesterday"

    relay.change(change)
    lines = relay.report(file)

    expected = f"""
| API | in | path | difference | bodies |
|---|---|---|---|---|
| {OLDER} | a row of GET /processor_runs | `priority` | unknown key: integer | 3 of 60 |
| {OLDER} | a row of GET /processor_runs | `status` | unknown value: ON_HOLD | 1 of 60 |
| {OLDER} | GET /processor_runs/{{id}} | `processorRun.reviewed` | other type: boolean expected, string came | 5 of 5 |
| {NEWER} | GET /classify_runs/{{id}} | `dashboardUrl` | missing key | 2 of 2 |
| {NEWER} | GET /classify_runs/{{id}} | `status` | unknown value: (not shown) | 2 of 2 |
| {NEWER} | GET /parse_runs | `total` | unknown key: integer | 1 of 1 |
| {NEWER} | a row of GET /parse_runs | `createdAt` | other type: time expected, another text came | 1 of 31 |
"""
    assert sorted(section(lines, "Differences")) == sorted(expected.strip().splitlines())


def test_a_list_that_is_sorted_the_other_way_is_said(relay: Relay, file: Path) -> None:
    relay.change(lambda where, body: body["data"].reverse() if where in (f"{NEWER} /split_runs", PARSES) else None)
    lines = relay.report(file)

    orders = {line.split(" | ")[1]: line.split(" | ")[5] for line in section(lines, "What the key may read")[2:]}
    assert {path: orders[path] for path in ("`/classify_runs`", "`/split_runs`", "`/parse_runs`")} == {
        "`/classify_runs`": "kept",
        "`/split_runs`": "not kept",
        "`/parse_runs`": "none",
    }
    assert answer(lines, "`GET /parse_runs`, which takes no order, has the newest first") == (
        "differs | 0 of 1 lists of two or more"
    )


PARSES = f"{NEWER} /parse_runs"


def test_a_time_that_has_moved_between_list_and_run_is_said(relay: Relay, file: Path) -> None:
    def change(where: str, body: Body) -> None:
        if where == f"{NEWER} /split_runs/{{id}}":
            body["updatedAt"] = "2026-03-01T00:00:00Z"

    relay.change(change)

    assert answer(relay.report(file), "`updatedAt` is the same in the list and in the run") == "differs | 4 of 6 runs"


def test_open_questions_are_answered_by_what_was_read(relay: Relay, file: Path) -> None:
    before = relay.report(file)
    relay.change(lambda where, body: files_with_contents(body) if where == f"{OLDER} /processor_runs/{{id}}" else None)
    after = relay.report(file)

    embedded = "Files inside a run have no `contents`"
    assert answer(before, embedded) == "confirmed | 5 of 5 files inside runs"
    assert answer(after, embedded) == "differs | 0 of 5 files inside runs"
    assert answer(before, "Ids of runs keep their suffix across versions") == (
        "confirmed | 60 of 60 runs of lists that are not cut"
    )
    assert answer(before, "Ids of parse runs keep their suffix across versions") == "confirmed | 1 of 1 parse runs"
    assert answer(before, "Runs name processors that are listed") == "confirmed | 7 of 7 processors of runs"
    assert answer(before, "API 2025-04-21 has an end-of-life date") == "could not be seen | reading cannot tell"


def files_with_contents(body: Body) -> None:
    for file in body["processorRun"]["files"]:
        file["contents"] = {"rawText": "text"}


def test_a_page_that_is_smaller_than_asked_for_is_said(file: Path) -> None:
    with SandboxServer(runs=60, options=Options(largest_page=20)) as server:
        compared(server, file)

    lines = file.read_text("utf-8").splitlines()
    assert answer(lines, "A page of runs may have 1,000 rows") == "differs | a page that is not the last one had 20"


def test_headers_about_limits_are_named_without_their_values(relay: Relay, file: Path) -> None:
    relay.change(lambda where, body: None, **{"X-RateLimit-Remaining": "4711", "X-Trace": "4712"})
    lines = relay.report(file)

    assert section(lines, "Headers about limits") == ["`x-ratelimit-remaining`"]
    assert "471" not in "\n".join(lines)


def test_lists_that_the_key_must_not_read_are_said_and_the_others_read(server: SandboxServer, file: Path) -> None:
    forbidden = OddAnswer(403, b'{"code": "FORBIDDEN", "message": "No."}')
    server.organization.instead = lambda entry: forbidden if entry.route == "list_extract_runs" else None
    compared(server, file)

    lines = section(file.read_text("utf-8").splitlines(), "What the key may read")
    assert {line.split(" | ")[1]: line.split(" | ")[2] for line in lines[2:]} == {
        "`/processor_runs`": "yes",
        "`/files`": "yes",
        "`/parser_runs`": "yes",
        "`/processors`": "yes",
        "`/workflow_runs`": "yes",
        "`/extract_runs`": "refused",
        "`/classify_runs`": "yes",
        "`/split_runs`": "yes",
        "`/parse_runs`": "yes",
    }
    assert server.requests.total <= 40


def test_workflow_runs_are_compared_with_all_that_is_in_them(relay: Relay, file: Path) -> None:
    listed = json.loads((SAMPLES / NEWER / "workflow_runs.list.json").read_bytes())
    full = json.loads((SAMPLES / NEWER / "workflow_runs.get.json").read_bytes())
    full["stepRuns"][0]["newKey"] = [1]
    relay.change(lambda where, body: None)
    instead = relay.server.organization.instead
    assert instead is not None

    def with_workflows(entry: LoggedRequest) -> OddAnswer | None:
        if entry.headers["x-extend-api-version"] == NEWER and entry.path.startswith("/workflow_runs"):
            return OddAnswer(200, json.dumps(listed if entry.path == "/workflow_runs" else full).encode())
        return instead(entry)

    relay.server.organization.instead = with_workflows
    lines = relay.report(file)

    assert section(lines, "Differences")[2:] == [
        f"| {NEWER} | GET /workflow_runs/{{id}} | `stepRuns[].newKey` | unknown key: array | 1 of 1 |"
    ]
    parsed = "Parse runs inside step runs have their `output`, not a link to it"
    assert answer(lines, parsed) == "confirmed | 1 of 1 PROCESSED parse runs inside step runs"


CANARY, NUMBER, KEY = "Canary7x", 918273645, "canary9Key"


def poisoned(value: Any, key: str = "") -> Any:
    """Put distinctive texts, numbers and keys in the place of all that are there, but for ids, which are looked for too."""
    if isinstance(value, dict):
        return {
            **{name: poisoned(inner, name) for name, inner in value.items()},
            KEY: CANARY,
            f"{CANARY} key": NUMBER,
        }
    if isinstance(value, list):
        return [poisoned(item, key) for item in value]
    if isinstance(value, str) and key not in ("id", "nextPageToken"):
        return f"https://{CANARY}/{value}"
    return NUMBER if isinstance(value, int | float) and not isinstance(value, bool) else value


def test_no_value_of_what_was_read_is_in_the_report(relay: Relay, file: Path) -> None:
    def change(where: str, body: Body) -> None:
        success = body.get("success")
        body.update(poisoned(body))
        if success is not None:
            body["success"] = success

    relay.change(change)
    text = "\n".join(relay.report(file))

    assert "(a key that is not shown)" in text
    for secret in (CANARY, CANARY.lower(), KEY, str(NUMBER), relay.server.api_key, relay.server.base_url, "https://"):
        assert secret not in text
    workspace = relay.server.workspace
    for object_id in (*workspace.runs, *workspace.files):
        assert object_id.partition("_")[2] not in text


def test_keys_that_are_the_users_own_are_never_named(relay: Relay, file: Path) -> None:
    def change(where: str, body: Body) -> None:
        run = body.get("processorRun", body)
        if run.get("type") == "EXTRACT" or run.get("object") == "extract_run":
            run["metadata"] = {"usersOwn": {"usersOwn": 1}}
            run["output"] = {"value": {"usersOwn": 1}, "metadata": {"usersOwn": {"usersOwnToo": 1}}, "usersOwn": 1}
            run["config"]["schema"] = {"properties": {"usersOwn": {"type": "usersOwn"}}}
            run["edits"] = {"usersOwn": {"notes": 5}}

    relay.change(change)
    text = "\n".join(relay.report(file))

    assert "`processorRun.output.metadata.*.(a key that is not shown)` | unknown key: integer" in text
    assert "`processorRun.edits.*.notes` | other type: string expected, integer came" in text
    assert "`processorRun.output.(a key that is not shown)` | unknown key: integer" in text
    assert "usersOwn" not in text


USERS_OUTPUTS: list[Any] = [
    {"value": {"usersOwn": 1}},
    {"value": {"usersOwn": 1}, "metadata": None},
    {"value": {"usersOwn": 1}, "metadata": [{"usersOwn": 1}]},
    {"usersOwn": {"usersOwn": 1, "type": "USERSOWN", "id": "usersOwn"}},
    {"value": {"usersOwn": 1}, "metadata": {"address": {"usersOwn": {"ocrConfidence": 1}}}},
    {"value": {"usersOwn": 1}, "metadata": {"usersOwn": {"insights": [{"type": "usersown", "usersOwn": 1}]}}},
    {"id": {"usersOwn": 1}, "type": {"usersOwn": 1}, "value": {"type": "USERSOWN"}, "metadata": {"usersOwn": 1}},
    [{"usersOwn": 1}],
    "USERSOWN",
]


@pytest.mark.parametrize("output", USERS_OUTPUTS)
@pytest.mark.parametrize("version", [OLDER, NEWER])
def test_an_output_of_another_form_does_not_tell_the_users_names(output: Any, version: str) -> None:
    run = {"output": output, "edits": {"address": {"usersOwn": {"originalValue": 1}}}, "metadata": ["usersOwn"]}

    found = differences(types_of(version), "ExtractRun", run)

    assert any(each.path.startswith("output") for each in found)
    assert "usersown" not in str(found).lower()


@pytest.mark.parametrize("path", ["[²]", "a[9]", "[-1]", "[]", "[1].b", ".", ""])
def test_a_path_that_leads_nowhere_is_counted_and_ends_nothing(path: str) -> None:
    run = {"output": {"value": [1], "metadata": {path: {}}}}

    (question, *_) = about_extractions([run])

    assert (question.state, question.seen) == ("differs", "0 of 1 keys")


def test_an_answer_of_the_users_own_endpoint_does_not_tell_its_names() -> None:
    result = {"usersOwn": 1, "response": {"usersOwn": "USERSOWN"}}

    found = differences(types_of(NEWER), "ExternalDataValidationResult", result)

    assert ("(a key that is not shown)", "unknown key", "integer") in found
    assert "usersown" not in str(found).lower()


def test_a_report_is_written_anew_but_no_other_file_is_touched(server: SandboxServer, file: Path) -> None:
    file.write_text(f"{MARK}\nold", "utf-8")
    compared(server, file)
    assert "old" not in file.read_text("utf-8").splitlines()

    file.write_text("mine", "utf-8")
    server.requests.reset()
    with pytest.raises(UsageError, match="exists, and no comparison has written it"):
        compared(server, file)
    with pytest.raises(UsageError, match="There is no folder"):
        compared(server, file.parent / "nowhere" / "report.md")
    assert file.read_text("utf-8") == "mine"
    assert server.requests.total == 0


def test_the_report_says_where_to_send_it(server: SandboxServer, file: Path) -> None:
    compared(server, file)

    assert file.read_text("utf-8").splitlines()[-1] == (
        "Read it, and send it as an issue to the repository that this package came from: that mends what differs."
    )


def test_the_shell_checks_the_key_first_and_then_compares(server: SandboxServer, tmp_path: Path) -> None:
    settings = {"SOURCES__EXTEND__BASE_URL": server.base_url, "SOURCES__EXTEND__REQUESTS_PER_SECOND": "0"}

    def run(file: str, key: str) -> Any:
        environment = {**settings, "SOURCES__EXTEND__API_KEY": key}
        return CliRunner().invoke(app, ["check", "--compare", file], env=environment)

    done, refused = run("report.md", server.api_key), run("other.md", "sk_wrong")
    forbidden = OddAnswer(403, b'{"code": "FORBIDDEN", "message": "No."}')
    server.organization.instead = lambda entry: forbidden if entry.route == "list_parse_runs" else None
    settings["SOURCES__EXTEND__API_VERSION"] = NEWER
    in_part = run("part.md", server.api_key)

    assert (done.exit_code, done.stderr) == (0, "")
    assert "Wrote report.md: 0 differences in what was read" in done.stdout
    assert (tmp_path / "report.md").read_text("utf-8").startswith(MARK)
    assert (refused.exit_code, (tmp_path / "other.md").exists()) == (4, False)
    assert (in_part.exit_code, (tmp_path / "part.md").exists()) == (4, True)
    assert "/extract_runs yes, /classify_runs yes, /split_runs yes, /parse_runs refused" in in_part.stdout


@pytest.mark.parametrize(
    ("sample", "version", "expected"),
    [
        ("get-processor-run.2025-04-21.json", OLDER, "ProcessorRunGetResponse"),
        (f"{NEWER}/extract_runs.get.json", NEWER, "ExtractRun"),
        (f"{NEWER}/extract_runs.get.failed.json", NEWER, "ExtractRun"),
        (f"{NEWER}/extract_runs.get.legacy_fields.json", NEWER, "ExtractRun"),
        (f"{NEWER}/extract_runs.get.multifile.json", NEWER, "ExtractRun"),
        (f"{NEWER}/extract_runs.list.json", NEWER, "ExtractRunsListResponse"),
        (f"{NEWER}/classify_runs.get.json", NEWER, "ClassifyRun"),
        (f"{NEWER}/split_runs.get.json", NEWER, "SplitRun"),
        (f"{NEWER}/parse_runs.get.json", NEWER, "ParseRun"),
        (f"{NEWER}/files.get.json", NEWER, "File"),
        (f"{NEWER}/files.get.spreadsheet.json", NEWER, "File"),
        (f"{NEWER}/workflow_runs.list.json", NEWER, "WorkflowRunsListResponse"),
        (f"{NEWER}/workflow_runs.get.json", NEWER, "WorkflowRun"),
        (f"{NEWER}/workflow_runs.get.rejected.json", NEWER, "WorkflowRun"),
    ],
)
def test_the_expected_types_are_those_of_the_samples(sample: str, version: str, expected: str) -> None:
    body = json.loads((SAMPLES / sample).read_bytes())

    assert differences(types_of(version), expected, body) == set()
    assert differences(types_of(version), expected, {**body, "unheardOf": None}) == {
        Difference("unheardOf", "unknown key", "null")
    }


@pytest.mark.parametrize("version", [OLDER, NEWER])
def test_every_type_that_is_named_is_there(version: str) -> None:
    types = types_of(version)
    scalars = {"string", "number", "boolean", "time", "any"}
    named = {
        name.removesuffix("[]").strip("{}")
        for fields in types.values()
        if isinstance(fields, dict)
        for key, name in fields.items()
        if key != "by" and not name.startswith("'")
    }

    assert named - scalars <= types.keys()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("ON_HOLD", "ON_HOLD"),
        ("parse_turbo", "parse_turbo"),
        ("Acme Ltd", "(not shown)"),
        ("sk_4f9a", "(not shown)"),
        ("A" * 17, "(not shown)"),
        ("https://acme.example", "(not shown)"),
        ("2026", "(not shown)"),
    ],
)
def test_an_unknown_value_is_shown_only_where_it_can_be_a_member_of_an_enum(value: str, shown: str) -> None:
    found = differences({"Status": ["DONE"]}, "Status", value)

    assert found == {Difference("", "unknown value", shown)}
