"""A local server of bodies that were made before: nginx where there is one, so that serving costs next to nothing."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.payloads import Size, body, listing, run_id

_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 10000000; default_type application/json;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  open_file_cache max=200000 inactive=1h;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    root {folder};
    location = /processor_runs {{ try_files /listing/$arg_nextPageToken.json /listing/first.json; }}
    {runs}
  }}
}}
"""
_FILES = "location /processor_runs/ { }"
_TEMPLATES = """
    location ~ "^/processor_runs/dpr_(?<number>[0-9]{16}(?<which>[0-9]{2}))$" {
      sub_filter_types application/json; sub_filter_once off; sub_filter "@NUMBER@" $number;
      try_files /templates/$which.json =404;
    }
"""


@contextmanager
def serving(folder: Path, size: Size, runs: int, *, templates: bool = False) -> Iterator[str]:
    """Serve the listing and the runs of a workspace.

    Args:
        folder: an empty folder for the bodies.
        size: which payload.
        runs: how many.
        templates: a hundred bodies are kept on disk and get the number of the run as they are sent, for more runs than
            the disk should hold.

    Yields:
        The base URL.

    Raises:
        RuntimeError: there is no nginx, or it does not start.
    """
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise RuntimeError("the benchmarks need nginx (on Debian and Ubuntu: apt-get install nginx-light)")
    _write(folder, size, runs, templates=templates)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = folder / "nginx.conf"
    settings.write_text(_NGINX.format(folder=folder, port=port, runs=_TEMPLATES if templates else _FILES))
    server = subprocess.Popen([nginx, "-c", settings, "-e", folder / "error.log"])  # noqa: S603
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _write(folder: Path, size: Size, runs: int, *, templates: bool) -> None:
    pages = folder / "listing"
    pages.mkdir(parents=True)
    for page, content in enumerate(listing(size, runs)):
        (pages / f"{page or 'first'}.json").write_bytes(content)
    target = folder / ("templates" if templates else "processor_runs")
    target.mkdir()
    if templates:
        for which in range(100):
            made = body(size, which).replace(f"{which:018d}".encode(), b"@NUMBER@")
            (target / f"{which:02d}.json").write_bytes(made)
    else:
        for number in range(runs):
            (target / run_id(number)).write_bytes(body(size, number))


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if server.poll() is not None:
            raise RuntimeError("nginx did not start")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("nginx does not listen")
