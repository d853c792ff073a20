"""The receiver of events, over real sockets: what it notes, what it refuses, and what it keeps to itself."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from extend_source.integrations.webhooks.queue import EventQueue
from extend_source.sandbox import signed_headers
from tests.webhooks.conftest import SECRET, MakeReceiver, Receiver

CONTENT = "the text of a document that nobody may see"


def event(number: int, **payload: Any) -> dict[str, Any]:
    about = {"object": "extract_run", "id": f"exr_{number}", "output": {"value": CONTENT}, **payload}
    return {"eventId": f"evt_{number}", "eventType": "extract_run.processed", "payload": about}


def noted(receiver: Receiver) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.event_id, each.run_ids) for each in receiver.queue.pending(1_000)]


def test_a_signed_event_is_on_the_disk_once_it_is_answered(receiver: Receiver):
    assert receiver.send(event(1)) == 200
    assert noted(receiver) == [("evt_1", ("exr_1",))]


def test_an_event_that_is_sent_again_is_answered_and_noted_once(receiver: Receiver):
    assert [receiver.send(event(1)) for _ in range(3)] == [200, 200, 200]
    assert noted(receiver) == [("evt_1", ("exr_1",))]


def test_what_is_not_signed_by_extend_is_refused_and_not_noted(receiver: Receiver):
    now, body = int(time.time()), json.dumps(event(1)).encode()
    assert receiver.post(body, {}) == 401
    assert receiver.post(body, signed_headers("wss_of_somebody_else", body)) == 401
    assert receiver.post(body + b" ", signed_headers(SECRET, body)) == 401
    assert receiver.send(event(1), timestamp=now - 302) == 401
    assert receiver.send(event(1), timestamp=now + 90) == 401
    assert receiver.listener.counts == {"unsigned": 1, "forged": 2, "stale": 1, "ahead": 1}
    assert noted(receiver) == []


def test_a_clock_that_differs_a_little_is_no_reason_to_refuse(receiver: Receiver):
    now = int(time.time())
    assert receiver.send(event(1), timestamp=now - 290) == 200
    assert receiver.send(event(2), timestamp=now + 50) == 200


def test_while_a_secret_is_replaced_both_are_taken(make_receiver: MakeReceiver):
    receiver = make_receiver(secrets=("wss_the_secret_of_before", SECRET))
    assert receiver.send(event(1), "wss_the_secret_of_before") == 200
    assert receiver.send(event(2), SECRET) == 200
    assert receiver.send(event(3), "wss_the_secret_of_nobody") == 401


def test_a_signed_body_that_is_no_event_is_refused_as_such(receiver: Receiver):
    assert receiver.post(b"not json", signed_headers(SECRET, b"not json")) == 400
    assert receiver.listener.counts == {"unreadable": 1}


@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_body_that_is_too_large_is_not_read_to_its_end(make_receiver: MakeReceiver, says_its_length: bool):
    receiver = make_receiver(max_body_bytes=10_000)
    body = json.dumps(event(1, text="x" * 10_000)).encode()
    headers = signed_headers(SECRET, body)
    content: Any = body if says_its_length else iter([body[:5_000], body[5_000:]])
    answer = receiver.client.post(f"{receiver.address}/webhooks", content=content, headers=headers)
    assert answer.status_code == 413
    assert noted(receiver) == []


def test_a_large_body_is_read_beside_the_others(receiver: Receiver):
    assert receiver.send(event(1, text="x" * 500_000)) == 200
    assert noted(receiver) == [("evt_1", ("exr_1",))]


def test_a_sender_that_goes_away_in_the_middle_leaves_nothing(receiver: Receiver):
    body = json.dumps(event(1)).encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed_headers(SECRET, body).items())
    place = urlsplit(receiver.address)
    with socket.create_connection((place.hostname, place.port)) as connection:
        head = f"POST /webhooks HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
        connection.sendall(head.encode() + body[:20])
    assert receiver.send(event(2)) == 200
    assert noted(receiver) == [("evt_2", ("exr_2",))]


def test_a_full_queue_asks_to_send_again_later(make_receiver: MakeReceiver):
    receiver = make_receiver(max_pending=2)
    assert [receiver.send(event(number)) for number in range(3)] == [200, 200, 503]
    assert receiver.health()[0] == 503
    receiver.queue.loaded(["evt_0"])
    assert receiver.send(event(2)) == 200
    assert [event_id for event_id, _ in noted(receiver)] == ["evt_1", "evt_2"]


def test_a_disk_that_cannot_be_written_asks_to_send_again_later(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    def full(self: EventQueue, events: Any) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(EventQueue, "put", full)
        assert receiver.send(event(1)) == 503
    assert receiver.send(event(1)) == 200


def test_health_says_how_much_waits_and_for_how_long(receiver: Receiver):
    assert receiver.health() == (200, {"accepts": True, "waiting": 0, "oldest_seconds": None})
    receiver.send(event(1))
    status, facts = receiver.health()
    assert (status, facts["accepts"], facts["waiting"]) == (200, True, 1)
    assert 0 <= facts["oldest_seconds"] < 60


def test_nothing_else_is_there(receiver: Receiver):
    assert receiver.client.get(f"{receiver.address}/webhooks").status_code == 405
    assert receiver.client.post(f"{receiver.address}/", content=b"{}").status_code == 404


def test_many_senders_at_once_are_answered_and_their_events_are_noted(receiver: Receiver):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(receiver.send, [event(number) for number in range(200)]))
    assert answers == [200] * 200
    assert sorted(noted(receiver)) == sorted((f"evt_{number}", (f"exr_{number}",)) for number in range(200))


def test_neither_payload_nor_secret_is_in_any_file_or_log(
    receiver: Receiver, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG")
    receiver.send(event(1))
    receiver.send(event(2), "wss_of_somebody_else")
    receiver.post(b"not json", signed_headers(SECRET, b"not json"))
    receiver.queue.loaded(["evt_1"])
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    own = "".join(record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore")))
    for secret in (CONTENT, SECRET, "wss_of_somebody_else"):
        assert secret.encode() not in written
        assert secret not in own + "".join(capfd.readouterr())
    assert b"exr_1" in written
