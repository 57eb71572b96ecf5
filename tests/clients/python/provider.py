"""A provider with smppy as its server: takes what it is sent, and sends the text back as a handset's message.

smppy gives no message ids and knows no receipts. It says "ready" when it listens. Usage: provider.py PORT NUMBER.
"""

import asyncio
import logging
import sys

from smppy import Application

SYSTEM_ID, PASSWORD = "gateway", "secret"


def text(octets):
    return octets.decode() if isinstance(octets, bytes) else octets


class Provider(Application):
    """One that answers for every handset."""

    def __init__(self, number):
        super().__init__(name="smppy", logger=logging.getLogger("provider"))
        self.number = number

    async def handle_bound_client(self, client):
        welcome = (text(client.system_id), text(client.password)) == (SYSTEM_ID, PASSWORD)
        return client if welcome else None

    async def handle_unbound_client(self, client):
        pass

    async def handle_sms_received(self, client, source_number, dest_number, text):
        await client.send_sms(source=dest_number, dest=self.number, text=text)


def main(port, number):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server = Provider(number).create_server(loop=loop, host="127.0.0.1", port=int(port))
    print("ready", flush=True)
    loop.run_until_complete(server.serve_forever())


main(*sys.argv[1:])
