"""Connections to a gateway below HTTP clients: bytes that are sent in pieces, late, or never."""

import socket

from tests.support.server import Server


def connect(server: Server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def head(server: Server, path: str, **headers: object) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: {server.admin['Authorization']}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def read_until_closed(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer
