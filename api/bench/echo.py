"""The baseline of ``bench intake``: a server that reads a frame and answers, and does nothing else. Run as ``python -m api.bench.echo``."""

from __future__ import annotations

import asyncio
import sys
from typing import Final, cast

import uvloop

END: Final = b"\x1c\r"
ACK: Final = b"\x0bMSH|^~\\&|ZORGSLUIS|DELINDE|VESTA|DELINDE|20261120||ACK^R01^ACK|1|P|2.5\rMSA|AA|1\r\x1c\r"


class Echo(asyncio.Protocol):
    """Answers every end of a frame."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer; a frame that is cut within its end isn't looked for."""
        self.transport.write(ACK * data.count(END))


async def main() -> None:
    """Serve until killed; the port is the only line on standard output."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
