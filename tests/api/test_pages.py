from __future__ import annotations

import pytest

from extend_source.api import RunFilters
from extend_source.errors import EndlessListing, InvalidRequest, MalformedResponse

from .scripted import RUNS, Answer, exchange, failure_of, page_answer

TOKEN = "a+b/c=:d+e/f=="
ALL_FILTERS = RunFilters(
    status="PROCESSED",
    processor_id="dp_1",
    processor_type="EXTRACT",
    source_id="wr_1",
    source="WORKFLOW_RUN",
    file_name_contains="a&b=c d+é",
)


def listing(*arguments, **named):
    async def read_all(client):
        pages = [page async for page in client.pages(RUNS, *arguments, **named)]
        return [(page.number, [summary["id"] for summary in page.summaries]) for page in pages]

    return read_all


@pytest.mark.parametrize("end", [{}, {"nextPageToken": None}, {"nextPageToken": ""}])
def test_a_listing_ends_where_the_token_is_absent_null_or_empty(end):
    pages, server = exchange(listing(), page_answer("a", "b", nextPageToken="t"), page_answer("c", **end))
    assert pages == [(1, ["a", "b"]), (2, ["c"])]
    assert len(server.requests) == 2


def test_every_filter_the_order_and_the_page_size_are_sent_with_every_page():
    answers = page_answer("a", nextPageToken=TOKEN), page_answer("b", nextPageToken="u"), page_answer("c")
    _, server = exchange(listing(ALL_FILTERS, sort_by="createdAt", sort_dir="asc", page_size=50), *answers)
    expected = {
        "status": "PROCESSED",
        "processorId": "dp_1",
        "processorType": "EXTRACT",
        "sourceId": "wr_1",
        "source": "WORKFLOW_RUN",
        "fileNameContains": "a&b=c d+é",
        "sortBy": "createdAt",
        "sortDir": "asc",
        "maxPageSize": "50",
    }
    tokens = [{}, {"nextPageToken": TOKEN}, {"nextPageToken": "u"}]
    assert [request.query for request in server.requests] == [{**expected, **token} for token in tokens]


def test_page_tokens_arrive_as_they_were_sent():
    _, server = exchange(listing(), page_answer("a", nextPageToken=TOKEN), page_answer("b"))
    assert server.requests[1].target.endswith("nextPageToken=a%2Bb%2Fc%3D%3Ad%2Be%2Ff%3D%3D")


def test_without_filters_the_newest_come_first_in_pages_of_a_thousand():
    _, server = exchange(listing(), page_answer())
    assert server.requests[0].query == {"sortBy": "updatedAt", "sortDir": "desc", "maxPageSize": "1000"}


def test_an_empty_page_with_a_token_is_not_the_end():
    pages, _ = exchange(listing(), page_answer(nextPageToken="t"), page_answer("a"))
    assert pages == [(1, []), (2, ["a"])]


EXPIRED = Answer({"success": False, "error": "Invalid or expired nextPageToken"}, 400)


def test_a_refused_page_token_starts_the_listing_again_so_that_no_run_is_lost():
    answers = (
        page_answer("a", nextPageToken="t"),
        EXPIRED,
        page_answer("x", "a", nextPageToken="t"),
        page_answer("b"),
    )
    pages, server = exchange(listing(), *answers)
    assert pages == [(1, ["a"]), (2, ["x", "a"]), (3, ["b"])]
    assert ["nextPageToken" in request.query for request in server.requests] == [False, True, False, True]


def test_page_tokens_that_are_always_refused_end_the_listing_after_two_restarts():
    page = page_answer("a", nextPageToken="t")
    error, server = failure_of(listing(), page, EXPIRED, page, EXPIRED, page, EXPIRED)
    assert type(error) is InvalidRequest
    assert "Page tokens keep expiring" in str(error)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "answers",
    [
        (EXPIRED,),
        (page_answer("a", nextPageToken="t"), Answer({"error": "Unknown status"}, 400)),
    ],
)
def test_other_refusals_do_not_start_again(answers):
    error, server = failure_of(listing(), *answers)
    assert type(error) is InvalidRequest
    assert len(server.requests) == len(answers)


@pytest.mark.case("2.3")
@pytest.mark.case("S11")
@pytest.mark.parametrize("rows", [(), ("a",)], ids=["empty pages", "the same page"])
def test_pages_without_news_and_new_tokens_for_ever_are_an_endless_listing(rows):
    def answer(request):
        return page_answer(*rows, nextPageToken=f"t{len(asked)}{asked.append(request)}")

    asked = []
    error, _ = failure_of(listing(), page_answer("a", "b", nextPageToken="t"), answer, max_pages_without_news=7)
    assert type(error) is EndlessListing
    assert "7 pages in a row without a run that it had not shown before" in str(error)
    assert len(asked) == 7


def test_pages_that_are_read_again_after_a_restart_need_no_news():
    first = [page_answer(name, nextPageToken=f"t{name}") for name in "abcd"]
    refused = Answer({"error": "The page token has expired"}, 400)
    again = [page_answer(name, nextPageToken=f"u{name}") for name in "abcd"]
    ids, server = exchange(listing(), *first, refused, *again, page_answer("e"), max_pages_without_news=2)
    assert [run_id for _, page in ids for run_id in page] == [*"abcd", *"abcd", "e"]
    assert len(server.requests) == 10


@pytest.mark.case("2.3")
def test_tokens_that_repeat_are_an_endless_listing():
    answers = [page_answer("a", nextPageToken=token) for token in ("t", "u", "t")]
    error, server = failure_of(listing(), *answers)
    assert type(error) is EndlessListing
    assert "would never end" in str(error)
    assert len(server.requests) == 3


@pytest.mark.parametrize("rows", [None, {}, "abc", [1], [None]])
def test_a_page_without_a_list_of_runs_is_malformed(rows):
    error, server = failure_of(listing(), Answer({"success": True, "processorRuns": rows}))
    assert type(error) is MalformedResponse
    assert len(server.requests) == 3


def test_a_page_token_that_is_no_text_is_not_taken_for_the_end():
    error, _ = failure_of(listing(), page_answer("a", nextPageToken=7))
    assert type(error) is MalformedResponse
    assert "nextPageToken" in str(error)


def test_a_fault_in_the_middle_of_a_listing_repeats_that_page_only():
    answers = page_answer("a", nextPageToken="t"), Answer(b"", 502), Answer(b"{"), page_answer("b")
    pages, server = exchange(listing(), *answers)
    assert pages == [(1, ["a"]), (2, ["b"])]
    assert [request.query.get("nextPageToken") for request in server.requests] == [None, "t", "t", "t"]


def test_a_listing_that_is_left_early_costs_no_further_request():
    async def first_page(client):
        async for page in client.pages(RUNS):
            return page.number

    number, server = exchange(first_page, page_answer("a", nextPageToken="t"))
    assert number == 1
    assert len(server.requests) == 1


@pytest.mark.parametrize("page_size", [0, 1001])
def test_page_sizes_that_the_api_does_not_know_are_refused_without_a_request(page_size):
    error, server = failure_of(listing(page_size=page_size), page_answer())
    assert type(error) is InvalidRequest
    assert server.requests == []
