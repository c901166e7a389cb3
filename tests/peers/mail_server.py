"""A mail server that writes each letter into a folder; the first to `later@...` it takes at the second try.

usage: mail_server.py FOLDER    writes its port into FOLDER/port; ends when its input ends
"""
import pathlib
import socket
import sys

from aiosmtpd.controller import Controller

folder = pathlib.Path(sys.argv[1])


class Handler:
    count = 0
    deferred = False

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("later@") and not self.deferred:
            self.deferred = True
            return "451 later"
        envelope.rcpt_tos.append(address)
        return "250 taken"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        draft = folder / f"{self.count:04}.draft"
        draft.write_bytes(envelope.content.replace(b"\r\n", b"\n"))
        draft.rename(folder / f"{self.count:04}.eml")
        return "250 taken"


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
controller = Controller(Handler(), hostname="127.0.0.1", port=port, ready_timeout=30)
controller.start()
(folder / "port.draft").write_text(str(port))
(folder / "port.draft").rename(folder / "port")
sys.stdin.read()
controller.stop()
