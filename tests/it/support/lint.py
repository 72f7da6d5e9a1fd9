"""Lints HTTP answers with httplint's own parser.

Standard input: a JSON list of {"name", "at" (Unix time of arrival), "bytes" (base64)}.
Standard output: a JSON list of [name, level, note, summary], notes below others included.
"""

import base64
import json
import sys
from argparse import Namespace

from httplint.cli.http_parser import HttpCliParser, modes


class Collector(HttpCliParser):
    def input_end(self, trailers):
        self.linter.finish_content(True, trailers)
        self.notes = list(self.linter.notes)


found = []
for answer in json.load(sys.stdin):
    parser = Collector(Namespace(mode=modes.RESPONSE), answer["at"])
    parser.notes = None
    parser.handle_input(base64.b64decode(answer["bytes"]))
    if parser.notes is None:
        found.append([answer["name"], "BAD", "UNREADABLE", "httplint did not find a whole answer"])
        continue
    for note in parser.notes:
        for each in [note, *note.subnotes]:
            found.append([answer["name"], each.level.name, type(each).__name__, each.summary])
json.dump(found, sys.stdout)
