"""httptools with an end to its patience: uvicorn's protocol takes headers of any size, ours does not.

Imported only where httptools is installed.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from selaras.web.protocol import LARGEST_HEAD


class BoundedHttp(HttpToolsProtocol):
    """Ends a connection whose request line and headers go on beyond the limit."""

    _head_open = False
    _head = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_open:
            self._head += len(data)
            if self._head > LARGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("Request line and headers are too large.")

    def on_message_begin(self) -> None:
        self._head_open, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_open = False
        super().on_headers_complete()
