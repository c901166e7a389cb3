"""The official Hysteria2 client, started from a configuration file.

usage: hysteria_client.py client.json    runs until it is ended
"""
import sys

import hysteria2

with open(sys.argv[1], encoding="utf-8") as config:
    hysteria2.startFromJSON(config.read())
