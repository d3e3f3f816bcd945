"""Parses the tokens file; no finding shows what may be a secret."""

import re
from dataclasses import replace
from datetime import datetime

from gateway.auth.tokens import PREFIX, Token, TokenDigest, is_token_name, parse_instant
from gateway.connectors.finding import Finding, InvalidFileError
from gateway.connectors.policy import NO_LIMITS
from gateway.connectors.policy_keys import parse_limits
from gateway.connectors.yaml_text.document import load_document
from gateway.connectors.yaml_text.node import Node
from gateway.connectors.yaml_values import YamlValues
from gateway.errors import Code

#: How many secrets one token can have: an old and a new one, during a rotation.
DIGESTS_MAX = 2
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
#: Messages about the text of a file that quote nothing of it.
_SAFE_MESSAGES = re.compile(
    r"YAML is indented with blanks; line \d+ (?:begins|has) |the marks of a merge conflict |the file is |the file has "
    r"|the (?:quote )?.? that opens here is never closed$|a second document "
)
_HINT = "`gateway token NAME` prints a line to paste"
#: The keys of a token, and of one of its digests.
_TOKEN_KEYS, _DIGEST_KEYS = ("digests", "limits", "view"), ("digest", "expires")


def parse_tokens(text: bytes, file: str) -> dict[str, Token]:
    """Parse a tokens file: names, each with a digest, a list of digests, or a mapping with `digests`, `limits`, and `view`.

    Raises:
        InvalidFileError: With every finding of the file. A value in the place of a digest is never shown.
    """
    parser = _Parser(file)
    try:
        root = load_document(text, file)
    except InvalidFileError as refused:
        raise InvalidFileError(
            [
                each if _SAFE_MESSAGES.match(each.message) else _without_value(each)
                for each in refused.findings
            ]
        ) from None
    if root.value is None:
        return {}
    if isinstance(root.value, dict):
        tokens = {name: parser.token(name, node) for name, node in root.value.items()}
    else:
        parser.refuse(root, "a tokens file maps names to lists of sha256:… digests")
    if parser.values.findings:
        raise InvalidFileError(
            [each if each in parser.own else _without_quotes(each) for each in parser.values.findings]
        )
    return tokens


def _without_quotes(finding: Finding) -> Finding:
    """Return the finding if it quotes at most an unknown key, else a finding without quotes."""
    is_key = finding.code is Code.KEY_UNKNOWN and len(finding.message) < 80
    quotes = "'" in finding.message or '"' in finding.message
    return finding if PREFIX not in finding.message and (is_key or not quotes) else _without_value(finding)


def _without_value(finding: Finding) -> Finding:
    """Return a finding with the place and kind of the problem, but without the value, which may be a secret."""
    message = f"{finding.code.title.lower()}; the value is not shown, because it may be a secret"
    return replace(finding, message=message, hint=_HINT)


def _shown(name: str) -> str:
    """Return a name in quotes, or a placeholder if it may be a secret in the wrong place."""
    return (
        f"'{name}'"
        if PREFIX not in name and len(name) < 40
        else "whose name is not shown, because it may be a secret,"
    )


class _Parser:
    """Builds tokens from the tree of a tokens file, and collects findings."""

    def __init__(self, file: str) -> None:
        self.values = YamlValues(file)
        self.own: list[Finding] = []
        self._names: dict[bytes, str] = {}

    def token(self, name: str, node: Node) -> Token:
        if not is_token_name(name):
            self.refuse(node, f"{_shown(name)} cannot be the name of a token")
        list_, limits, views = node, NO_LIMITS, False
        if isinstance(node.value, dict):
            known = self.values.mapping(node, _TOKEN_KEYS, f"the token '{name}'") or {}
            if "digests" not in known:
                message = f"the token {_shown(name)} has no 'digests'"
                self.refuse(node, message, "write digests: [sha256:…]")
                return Token(())
            list_, limits = known["digests"], parse_limits(known.get("limits"), self.values)
            views = self._views(name, known.get("view"))
        given = list_.value if isinstance(list_.value, list) else [list_]
        if not 1 <= len(given) <= DIGESTS_MAX:
            self.refuse(
                list_,
                f"the token {_shown(name)} needs 1 or {DIGESTS_MAX} digests sha256:<64 hexadecimal digits>",
            )
        digests = tuple(digest for item in given if (digest := self._digest(name, item)))
        return Token(digests, limits, views)

    def refuse(self, node: Node, message: str, hint: str = _HINT) -> None:
        """Report a finding whose text shows names only."""
        self.values.report(node, Code.DECLARATION_INVALID, message, hint)
        self.own.append(self.values.findings[-1])

    def _views(self, name: str, node: Node | None) -> bool:
        if node is None or isinstance(node.value, bool):
            return node is not None and bool(node.value)
        message = f"the token {_shown(name)} has a 'view' that is neither true nor false"
        self.refuse(node, message, "write view: true")
        return False

    def _digest(self, name: str, node: Node) -> TokenDigest | None:
        expires = None
        stated = node
        if isinstance(node.value, dict):
            known = self.values.mapping(node, _DIGEST_KEYS, f"a digest of the token '{name}'") or {}
            expires = self._expires(name, known.get("expires"))
            stated = known.get("digest", node)
        found = _DIGEST.fullmatch(stated.value) if isinstance(stated.value, str) else None
        if not found:
            message = f"the value of the token {_shown(name)} is not a digest sha256:<64 hexadecimal digits>"
            self.refuse(stated, message)
            return None
        digest = bytes.fromhex(found[1])
        if digest in self._names:
            message = (
                f"the digest of the token {_shown(name)} already belongs to {_shown(self._names[digest])}"
            )
            self.refuse(stated, message, "give each name a secret of its own")
        self._names[digest] = name
        return TokenDigest(digest, expires, stated.line)

    def _expires(self, name: str, node: Node | None) -> datetime | None:
        if node is None:
            return None
        try:
            return parse_instant(node.value) if isinstance(node.value, str) else parse_instant("")
        except ValueError:
            message = f"the token {_shown(name)} has an expiry that is not an instant"
            self.refuse(node, message, "write expires: 2027-01-01T00:00:00Z, or a day")
            return None
