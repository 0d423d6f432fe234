"""A real SFTP server in this process, over a folder, with a password and a key of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh

PASSWORD = "rahasia"
_KEY = asyncssh.generate_private_key("ssh-ed25519")
OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")


class Server:
    """What a test can do to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = 0
        self.refuse = False
        self.logins = 0
        self.connections: set[asyncssh.SSHServerConnection] = set()

    @property
    def url(self) -> str:
        return f"sftp://toko@127.0.0.1:{self.port}/"

    def known_hosts(self, key: asyncssh.SSHKey = _KEY) -> str:
        """The line by which the server is known."""
        return f"[127.0.0.1]:{self.port} {key.export_public_key().decode().strip()}"

    def settings(self, **more: str) -> dict[str, str]:
        return {"folder": self.url, "password": PASSWORD, "known_hosts": self.known_hosts(), "quiet": "0", **more}

    def drop(self) -> None:
        """Break every connection."""
        for connection in list(self.connections):
            connection.abort()


@contextlib.asynccontextmanager
async def serve_sftp(root: Path) -> AsyncIterator[Server]:
    """Serve `root` on a free port of this machine."""
    server = Server(root)

    class Door(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self.conn = conn
            server.connections.add(conn)

        def connection_lost(self, exc: Exception | None) -> None:
            server.connections.discard(self.conn)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            fine = not server.refuse and (username, password) == ("toko", PASSWORD)
            server.logins += fine
            return fine

    def sftp(channel: Any) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(root).encode())

    listener = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Door, server_host_keys=[_KEY], sftp_factory=sftp, allow_scp=False
    )
    server.port = listener.get_port()
    try:
        yield server
    finally:
        listener.close()
        server.drop()
        await listener.wait_closed()
