"""A client of S3 in the few requests that tests make, signed by AWS Signature Version 4."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from urllib.parse import quote

import httpx

REGION = "us-east-1"


@dataclass(frozen=True)
class Credentials:
    key: str
    secret: str


class S3Client(httpx.Client):
    """A client of one bucket, which ends with its block. Answers are left to the test."""

    def __init__(self, endpoint: str, bucket: str, credentials: Credentials) -> None:
        super().__init__(base_url=f"http://{endpoint}", timeout=30)
        self._host, self._bucket, self._credentials = endpoint, bucket, credentials

    def ask(
        self, method: str, key: str = "", body: bytes = b"", query: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a request about an object, or without a key about the bucket."""
        path = "/" + quote(f"{self._bucket}/{key}" if key else self._bucket)
        text = "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted((query or {}).items())
        )
        headers = self._signed(method, path, text, hashlib.sha256(body).hexdigest())
        return self.request(method, f"{path}?{text}" if text else path, content=body, headers=headers)

    def _signed(self, method: str, path: str, query: str, digest: str) -> dict[str, str]:
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self._host, "x-amz-content-sha256": digest, "x-amz-date": time}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        asked = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
        scope = f"{time[:8]}/{REGION}/s3/aws4_request"
        text = "\n".join(("AWS4-HMAC-SHA256", time, scope, hashlib.sha256(asked.encode()).hexdigest()))
        key = f"AWS4{self._credentials.secret}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        credential = f"Credential={self._credentials.key}/{scope}"
        given = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={key.hex()}"
        return {**headers, "authorization": given}

    def keys(self, prefix: str = "") -> list[str]:
        """The keys of all objects below a prefix."""
        query = {"list-type": "2", "prefix": prefix}
        found: list[str] = []
        while True:
            answer = self.ask("GET", query=query)
            assert answer.status_code == 200, answer.text
            found += [unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", answer.text)]
            more = re.search(r"<NextContinuationToken>(.*?)<", answer.text)
            if not more:
                return found
            query["continuation-token"] = unescape(more[1])

    def delete_many(self, *keys: str) -> httpx.Response:
        """Send a DeleteObjects, which has a request of its own for many keys."""
        objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
        return self.ask("POST", body=f"<Delete>{objects}</Delete>".encode(), query={"delete": ""})
