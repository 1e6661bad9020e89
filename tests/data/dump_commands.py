#!/usr/bin/env python3
"""Stores what a running server answers to COMMAND and COMMAND DOCS, without prose.

    redis-server --port 7777 & ./dump_commands.py 7777

writes command-VERSION.json and command-docs-VERSION.json beside this script: an object with a line
for each command and subcommand, in the order of their names. Maps keep the order of the answer. The
summaries, complexities, histories and notes are left out: Corewire has its own.
"""
import json
import pathlib
import socket
import sys

PROSE = {"summary", "complexity", "history", "notes"}


class Server:
    def __init__(self, port):
        self.file = socket.create_connection(("127.0.0.1", port)).makefile("rwb")
        self.call("HELLO", "3")

    def call(self, *words):
        self.file.write(b"*%d\r\n" % len(words))
        for word in words:
            self.file.write(b"$%d\r\n%s\r\n" % (len(word), word.encode()))
        self.file.flush()
        return self.read()

    def read(self):
        line = self.file.readline().decode().rstrip("\r\n")
        kind, rest = line[0], line[1:]
        if kind in "*~":
            return [self.read() for _ in range(int(rest))]
        if kind == "%":
            pairs = [(self.read(), self.read()) for _ in range(int(rest))]
            return {key: value for key, value in pairs if key not in PROSE}
        if kind in "$=":
            text = self.file.read(int(rest) + 2)[:-2].decode()
            return text[4:] if kind == "=" else text
        if kind == ":":
            return int(rest)
        if kind == "-":
            sys.exit(rest)
        return rest


def flatten_info(entries, out):
    for entry in entries:
        subcommands = entry[9]
        flatten_info(subcommands, out)
        entry[9] = sorted(sub[0] for sub in subcommands)
        out[entry[0]] = entry


def flatten_docs(entries, out):
    for name, entry in entries.items():
        subcommands = entry.pop("subcommands", None)
        if subcommands is not None:
            flatten_docs(subcommands, out)
            entry["subcommands"] = sorted(subcommands)
        out[name] = entry


def write(name, commands):
    lines = [
        f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}"
        for key, value in sorted(commands.items())
    ]
    path = pathlib.Path(__file__).parent / name
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    server = Server(int(sys.argv[1]))
    info = server.call("INFO", "server")
    version = info.split("redis_version:")[1].split("\r\n")[0]
    commands, docs = {}, {}
    flatten_info(server.call("COMMAND"), commands)
    flatten_docs(server.call("COMMAND", "DOCS"), docs)
    write(f"command-{version}.json", commands)
    write(f"command-docs-{version}.json", docs)


main()
