"""Strategies for whole run payloads: all types and shapes, with unknown keys at every level."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from extend_source.text.redaction import PRESIGNED_URL_KEY

SIGNATURE = "5e" * 16
"""The secret part of every download link; computed, so that no generated text holds it by chance."""

# half surrogate pairs and NUL, which the decoder has replaced before
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
ODD_KEYS = st.sampled_from(
    ["", " ", "a.b", "a", "A", "b", "[0]", "x[1]", "a[0].b", '"', "\\", "Größe", "合計", "$", "$metadata", "value",
     "metadata", "id", "type", "Net Amount", "net_amount", "\n", "$edits"]
)  # fmt: skip
KEYS = st.one_of(ODD_KEYS, TEXTS)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
UNKNOWN = st.dictionaries(
    TEXTS.map(lambda key: f"new {key}"), st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=1
)
TIMES = st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z")
CREDITS = st.decimals(min_value=0, max_value=10**6, places=2)
CONFIDENCES = st.one_of(st.none(), st.floats(0, 1))


MISFITS = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), UNKNOWN)
"""Values of any type, where the API has promised another one."""


def objects(required: dict[str, Any] | None = None, **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An API object: some keys, some optional ones that may be null or odd, and perhaps an unknown one."""
    known = st.fixed_dictionaries(
        required or {}, optional={key: st.one_of(value, st.none(), MISFITS) for key, value in optional.items()}
    )
    return st.builds(lambda known, unknown: {**unknown, **known}, known, UNKNOWN)


INSIGHTS = st.lists(objects(type=TEXTS, content=TEXTS), max_size=2)
POINTS = objects(x=st.integers(0, 600), y=NUMBERS)
CITATIONS = objects(
    page=st.integers(1, 99), referenceText=TEXTS, pageWidth=st.floats(1, 2000), pageHeight=st.integers(1, 2000),
    polygon=st.lists(POINTS, max_size=2), cellRange=TEXTS,
)  # fmt: skip
ENTRIES = objects(
    ocrConfidence=CONFIDENCES, logprobsConfidence=CONFIDENCES, reviewAgentScore=st.integers(1, 5),
    citations=st.lists(CITATIONS, max_size=2), insights=INSIGHTS,
)  # fmt: skip
METADATA_KEYS = st.one_of(KEYS, st.sampled_from(["a.b", "a[0]", "a.b[1].c", "b.a"]))
SCHEMA_OUTPUTS = objects({"value": DOCUMENTS}, metadata=st.dictionaries(METADATA_KEYS, ENTRIES, max_size=3))
BOXES = st.fixed_dictionaries({edge: st.floats(0, 2000) for edge in ("left", "top", "right", "bottom")})
REFERENCES = objects(
    id=TEXTS, fieldName=TEXTS, page=st.integers(1, 99), boundingBoxes=st.lists(BOXES, max_size=2)
)  # fmt: skip
LEGACY_RESULTS = objects(
    {"value": DOCUMENTS}, id=TEXTS, type=TEXTS, confidence=CONFIDENCES, insights=INSIGHTS,
    references=st.lists(REFERENCES, max_size=2), schema=st.lists(DOCUMENTS, max_size=1), enum=st.lists(DOCUMENTS, max_size=1),
)  # fmt: skip
LEGACY_OUTPUTS = st.dictionaries(KEYS, LEGACY_RESULTS, max_size=3)
CLASSIFICATIONS = objects(id=TEXTS, type=TEXTS, confidence=CONFIDENCES, insights=INSIGHTS)
SPLITS = objects(
    {"splits": st.lists(objects(
        id=TEXTS, type=TEXTS, classificationId=TEXTS, identifier=TEXTS, observation=TEXTS, name=TEXTS,
        startPage=st.integers(1, 99), endPage=st.integers(1, 99), fileId=TEXTS,
    ), max_size=2)},
    isExternal=st.booleans(),
)  # fmt: skip

_PAGE = objects(
    pageNumber=st.integers(1, 9), pageWidth=st.floats(1, 2000), pageHeight=st.integers(1, 2000),
    rawText=TEXTS, markdown=TEXTS, html=TEXTS,
)  # fmt: skip
CONTENTS = objects(
    rawText=TEXTS, markdown=TEXTS, pages=st.lists(_PAGE, max_size=2),
    sheets=st.lists(objects(sheetName=TEXTS, rawText=TEXTS), max_size=2),
)  # fmt: skip
_PARENT_SPLIT = objects(
    id=TEXTS, type=TEXTS, identifier=TEXTS, startPage=st.integers(1, 9), endPage=st.integers(1, 9)
)  # fmt: skip
USAGE = objects(credits=CREDITS)


def files(number: int) -> st.SearchStrategy[dict[str, Any]]:
    """A file; each file of a run has an id of its own."""
    return objects(
        {"id": st.just(f"file_{number}"), PRESIGNED_URL_KEY: st.just(f"https://files.test/doc?X-Amz-Signature={SIGNATURE}")},
        object=st.just("file"), name=TEXTS, type=st.sampled_from(["PDF", "EXCEL"]), parentFileId=TEXTS,
        metadata=objects(pageCount=st.integers(0, 99), parentSplit=_PARENT_SPLIT), contents=CONTENTS,
        createdAt=TIMES, updatedAt=TIMES, usage=USAGE,
    )  # fmt: skip


EDITS = st.dictionaries(
    METADATA_KEYS,
    st.one_of(
        st.none(),
        objects(originalValue=DOCUMENTS, editedValue=DOCUMENTS, notes=TEXTS, page=st.integers(1, 9), fieldType=TEXTS),
    ),
    max_size=2,
)

_PARTS: dict[str, tuple[dict[str, Any], Any]] = {
    "schema": ({"type": st.just("EXTRACT"), "schema": st.dictionaries(KEYS, DOCUMENTS, max_size=2)}, SCHEMA_OUTPUTS),
    "fields": ({"type": st.just("EXTRACT"), "fields": st.lists(DOCUMENTS, max_size=2)}, LEGACY_OUTPUTS),
    "classification": ({"type": st.just("CLASSIFY"), "classifications": st.lists(DOCUMENTS, max_size=2)}, CLASSIFICATIONS),
    "splits": ({"type": st.just("SPLITTER"), "splitRules": TEXTS}, SPLITS),
    "unheard_of": ({"type": st.just("NEW_KIND")}, DOCUMENTS),
}  # fmt: skip


_FILES = st.sampled_from([st.tuples(*map(files, range(count))).map(list) for count in range(3)]).flatmap(
    lambda some: some  # made once, as Hypothesis takes longer to look a strategy over than to draw from it
)


def _runs_of(config: dict[str, Any], outputs: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A run payload with such a config and such outputs."""
    some_output = st.one_of(st.none(), st.just({}), outputs)
    return objects(
        {
            "id": st.just("dpr_1"),
            "config": objects(config, parser=objects(target=TEXTS), advancedOptions=objects(fixedPageLimit=st.integers(1, 9))),
            "files": _FILES,
        },
        object=st.just("document_processor_run"), processorId=TEXTS, processorVersionId=TEXTS, processorName=TEXTS,
        status=st.sampled_from(["PENDING", "PROCESSED", "FAILED", "CANCELLED"]), output=some_output,
        initialOutput=some_output, reviewedOutput=some_output, reviewed=st.booleans(), edited=st.booleans(),
        edits=EDITS, url=TEXTS, failureReason=TEXTS, failureMessage=TEXTS, usage=USAGE,
        metadata=st.dictionaries(KEYS, DOCUMENTS, max_size=2),
        mergedProcessors=st.lists(objects(processorId=TEXTS, processorVersionId=TEXTS, processorName=TEXTS), max_size=2),
    )  # fmt: skip


_RUNS = [_runs_of(*_PARTS[kind]) for kind in sorted(_PARTS)]


@st.composite
def runs(draw: st.DrawFn) -> dict[str, Any]:
    """A run payload of any type, state and shape."""
    run: dict[str, Any] = draw(draw(st.sampled_from(_RUNS)))
    run["type"] = run["config"]["type"]
    if draw(st.integers(0, 9)) == 0:
        run[draw(st.sampled_from(["config", "files", "type"]))] = draw(MISFITS)
    return run


# ---- API 2026-02-09

_PROCESSOR_OF = {"EXTRACT": "extractor", "CLASSIFY": "classifier", "SPLITTER": "splitter"}
_OBJECT_OF = {"EXTRACT": "extract_run", "CLASSIFY": "classify_run", "SPLITTER": "split_run"}
_CREATORS = st.fixed_dictionaries({"type": st.just("user"), "email": st.just(f"{SIGNATURE}@example.com")})
_PROCESSORS = objects({"id": TEXTS}, object=TEXTS, name=TEXTS, createdAt=TIMES, updatedAt=TIMES)
_VERSIONS = objects({"id": TEXTS}, object=TEXTS, description=TEXTS, version=TEXTS, createdAt=TIMES, createdBy=_CREATORS)
_CHARGES = objects(
    product=TEXTS, unit=st.sampled_from(["page", "cell", "usd"]), quantity=st.integers(0, 99), credits=CREDITS,
    pages=st.lists(st.integers(1, 9), max_size=2),
)  # fmt: skip
_LINES = objects(
    {"object": st.sampled_from(["parse_run", "extract_run", "edit_run"]), "credits": CREDITS},
    charges=st.lists(_CHARGES, max_size=2),
)
_PAGES = objects({"number": st.integers(1, 99)}, width=st.floats(1, 2000), height=st.integers(1, 2000))


@st.composite
def current_runs(draw: st.DrawFn) -> dict[str, Any]:
    """A payload of API 2026-02-09: an extract, classify or split run of any state and shape."""
    run: dict[str, Any] = draw(runs().filter(lambda run: run["type"] in ("EXTRACT", "CLASSIFY", "SPLITTER")))
    run_type = run.pop("type")
    for key in ("processorId", "processorVersionId", "processorName", "mergedProcessors", "url"):
        run.pop(key, None)
    given_files = run.pop("files")
    alone = isinstance(given_files, list) and len(given_files) == 1
    lines = draw(st.lists(_LINES, max_size=3))
    for line in lines:
        line["id"] = draw(st.sampled_from(["pr_1", "exr_2", "dpr_1"]))  # the run itself, and things told twice
    processor = _PROCESSOR_OF[run_type]
    run |= {
        "object": _OBJECT_OF[run_type],
        "file": given_files[0] if alone else None,
        "files": None if alone else given_files,
        processor: draw(st.one_of(st.none(), _PROCESSORS, MISFITS)),
        f"{processor}Version": draw(st.one_of(st.none(), _VERSIONS, MISFITS)),
        "parseRunId": draw(st.one_of(st.none(), TEXTS)),
        "dashboardUrl": draw(TEXTS),
        "createdAt": draw(st.one_of(TIMES, MISFITS)),
        "updatedAt": draw(st.one_of(TIMES, MISFITS)),
        "usage": draw(st.one_of(objects(credits=CREDITS, totalCredits=CREDITS, breakdown=st.just(lines)), MISFITS)),
    }
    if isinstance(run.get("config"), dict):
        run["config"] = {key: value for key, value in run["config"].items() if key not in ("type", "parser")}
        run["config"]["parseConfig"] = draw(objects(target=TEXTS, engineVersion=TEXTS))
    for key in ("output", "initialOutput", "reviewedOutput"):
        _nest_pages(draw, run.get(key))
    return run


def _nest_pages(draw: st.DrawFn, output: Any) -> None:
    metadata = output.get("metadata") if isinstance(output, dict) else None
    for entry in metadata.values() if isinstance(metadata, dict) else ():
        citations = entry.get("citations") if isinstance(entry, dict) else None
        for citation in citations if isinstance(citations, list) else ():
            if isinstance(citation, dict) and isinstance(citation.get("page"), int):
                citation.pop("pageWidth", None)
                citation.pop("pageHeight", None)
                citation["page"] = draw(_PAGES)


# ---- parse runs

_LINK = f"https://files.test/picture?X-Amz-Signature={SIGNATURE}"
_EDGES = objects(left=st.floats(0, 2000), top=st.floats(0, 2000), right=st.integers(0, 2000), bottom=st.floats(0, 2000))
_DETAILS = objects(
    {"imageUrl": st.one_of(st.none(), st.just(_LINK))}, type=st.sampled_from(["figure_details", "table_cell_details"]),
    rowCount=st.integers(0, 99), columnCount=st.integers(0, 99), rowIndex=st.integers(0, 99), columnIndex=st.integers(0, 99),
    cellReference=TEXTS, formula=TEXTS, formatting=DOCUMENTS, figureType=TEXTS, decodedValue=TEXTS, format=TEXTS, latex=TEXTS,
)  # fmt: skip
_BLOCK_METADATA = objects(
    page=objects(number=st.integers(1, 99), width=st.floats(1, 2000), height=st.integers(1, 2000)),
    sheet=objects(index=st.integers(0, 9), name=TEXTS), minOcrConfidence=CONFIDENCES, avgOcrConfidence=CONFIDENCES,
)  # fmt: skip


def _or_odd(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value as the API promises it, and now and then another."""
    return st.integers(0, 9).flatmap(lambda number: MISFITS if number == 9 else value)


def _blocks(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return objects(
        {"polygon": _or_odd(st.lists(POINTS, max_size=2)), "details": _DETAILS, "children": _or_odd(inner)},
        object=st.just("block"), id=TEXTS, type=TEXTS, parentBlockId=TEXTS, content=TEXTS, metadata=_BLOCK_METADATA,
        boundingBox=_EDGES,
    )  # fmt: skip


_BLOCKS = _blocks(st.lists(_blocks(st.lists(_blocks(st.just([])), max_size=1)), max_size=2))
_CHUNKS = objects(
    {"blocks": _or_odd(st.lists(_BLOCKS, min_size=1, max_size=2))}, object=st.just("chunk"), type=TEXTS, content=TEXTS,
    metadata=objects(
        pageRange=objects(start=st.integers(1, 9), end=st.integers(1, 9)),
        minOcrConfidence=CONFIDENCES, avgOcrConfidence=CONFIDENCES,
    ),
)  # fmt: skip
_OCR_ITEMS = objects(
    content=TEXTS, boundingBox=_EDGES, confidence=CONFIDENCES, pageNumber=st.integers(1, 9), blockId=TEXTS,
    rotation=st.floats(-180, 180),
)  # fmt: skip
_PARSE_PAGES = objects(
    number=st.integers(1, 9), rotationApplied=st.integers(-360, 360), originalPageWidth=st.floats(1, 2000),
    originalPageHeight=st.floats(1, 2000), dpi=st.integers(1, 600),
)  # fmt: skip
_PARSE_OUTPUTS = objects(
    {
        "chunks": _or_odd(st.lists(_CHUNKS, max_size=2)),
        "ocr": _or_odd(objects(
            {"words": _or_odd(st.lists(_OCR_ITEMS, max_size=2)), "lines": _or_odd(st.lists(_OCR_ITEMS, max_size=2))}
        )),
        "metadata": _or_odd(objects(
            {"pages": _or_odd(st.lists(_PARSE_PAGES, max_size=2))}, originalMimeType=TEXTS, finalMimeType=TEXTS
        )),
    },
)  # fmt: skip
_OWN_LINES = objects(
    {"object": st.just("parse_run"), "id": st.just("pr_1"), "credits": CREDITS}, charges=st.lists(_CHARGES, max_size=2)
)
_PARSE_RUNS = objects(
    {"id": st.just("pr_1"), "output": _or_odd(_PARSE_OUTPUTS), "file": _or_odd(files(1))},
    object=st.just("parse_run"), batchId=TEXTS, status=st.sampled_from(["PROCESSED", "FAILED"]), failureReason=TEXTS,
    failureMessage=TEXTS, metadata=st.dictionaries(KEYS, DOCUMENTS, max_size=2), outputUrl=st.just(_LINK),
    metrics=objects(processingTimeMs=st.floats(0, 10**6), pageCount=st.integers(0, 99)),
    config=objects(target=TEXTS, engineVersion=TEXTS, advancedOptions=objects(fixed=TEXTS)),
    usage=objects(credits=CREDITS, totalCredits=CREDITS, breakdown=st.lists(_OWN_LINES, max_size=2)),
)  # fmt: skip


def parse_runs() -> st.SearchStrategy[dict[str, Any]]:
    """A ParseRun of API 2026-02-09, of any state and shape; its file has no text of its own."""
    return _PARSE_RUNS.map(_without_text)


def _without_text(run: dict[str, Any]) -> dict[str, Any]:
    if isinstance(run["file"], dict):
        run["file"].pop("contents", None)
    if run.get("outputUrl") != _LINK:
        run["outputUrl"] = None
    return run
