"""A request that is not valid HTTP is told what is wrong with it, and not always the same."""

import pytest

from tests.endpoints.test_errors import raw

POST = b"POST /x HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("request_", "message", "hint"),
    [
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "the URL has a blank in it", "%20"),
        (b"GET /x HTTP/9.1\r\n\r\n", "the version of HTTP is not 1.0 or 1.1", "send HTTP/1.1"),
        (b"get /x HTTP/1.1\r\nHost: x\r\n\r\n", "the method is not in capital letters", "GET"),
        (b"GET /x HTTP/1.1\r\nBad Name: x\r\n\r\n", "the name of a header has a character", "no blank before :"),
        (b"GET /x HTTP/1.1\r\nA: b\x00c\r\n\r\n", "the value of a header has a control character", "remove it"),
        (POST + b"A: b\r\n c\r\n\r\n", "a header goes on in a second line", "one line"),
        (POST + b"Content-Length: abc\r\n\r\n", "Content-Length is not a number of bytes", "decimal digits"),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "Content-Length is there twice", "once"),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "are both there", "send one of them"),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n", "the Transfer-Encoding is not chunked", "Content-Encoding"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk of the body is malformed", "hexadecimal"),
        (b"GET /x HTTP/1.1\nHost: x\n\n", "a line of the request ends in LF alone", "CR LF"),
        (b"NOT HTTP AT ALL\r\n\r\n", "the request is not valid HTTP", "RFC 9112"),
    ],
)  # fmt: skip
def test_http_faults_have_own_messages_and_fixes(server, request_, message, hint):
    status, _, body = raw(server, request_)

    assert status == 400
    assert message in body.decode()
    assert hint in body.decode()
    assert "percent-encode" not in body.decode() or b"/a b" in request_
