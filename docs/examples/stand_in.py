"""The stand-in in a test."""

from extend_source.sandbox import SandboxServer

with SandboxServer(runs=40, faults=["429:0.2"]) as server:
    print(server.api_key, len(server.workspace.run_ids()))
    server.workspace.advance(60)
