"""The tokens file: what proves each token's name, and until when; and the making of tokens."""

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

#: How many secrets prove one name: the old one and the new one, while a token is being rotated.
DIGESTS_MAX = 2
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
#: What is said about the text of a file without a word of it.
_BARE = re.compile(
    r"YAML is indented with blanks; line \d+ (?:begins|has) |the marks of a merge conflict |the file is |the file has "
    r"|the (?:quote )?.? that opens here is never closed$|a second document "
)
_HINT = "`gateway token NAME` prints a line to paste"
#: The keys of a token, and of one of its digests.
_TOKEN_KEYS, _PROOF_KEYS = ("digests", "limits"), ("digest", "expires")


def parse_tokens(text: bytes, file: str) -> dict[str, Token]:
    """Read a tokens file: names, each with a digest, a list of them, or a mapping of the list and `limits`.

    Raises:
        Refused: With every finding of the file. What stands in the place of a digest may be a secret: it is not shown.
    """
    reader = _Reader(file)
    try:
        root = load_document(text, file)
    except InvalidFileError as refused:
        raise InvalidFileError(
            [each if _BARE.match(each.message) else _unseen(each) for each in refused.findings]
        ) from None
    if root.value is None:
        return {}
    if isinstance(root.value, dict):
        tokens = {name: reader.token(name, node) for name, node in root.value.items()}
    else:
        reader.refuse(root, "a tokens file maps names to lists of sha256:… digests")
    if reader.shapes.findings:
        raise InvalidFileError(
            [each if each in reader.own else _careful(each) for each in reader.shapes.findings]
        )
    return tokens


def _careful(finding: Finding) -> Finding:
    """Leave what shows a number, or a slip in a key; whatever else it quotes may be a secret."""
    is_key = finding.code is Code.KEY_UNKNOWN and len(finding.message) < 80
    quotes = "'" in finding.message or '"' in finding.message
    return finding if PREFIX not in finding.message and (is_key or not quotes) else _unseen(finding)


def _unseen(finding: Finding) -> Finding:
    """Say where something is wrong and what kind of thing, but not what stands there: it may be a secret."""
    message = f"{finding.code.title.lower()}; what stands here is not shown, for it may be a secret"
    return replace(finding, message=message, hint=_HINT)


def _shown(name: str) -> str:
    """Show a name, unless it may be a secret that stands in the wrong place."""
    return (
        f"'{name}'"
        if PREFIX not in name and len(name) < 40
        else "whose name is not shown, for it may be a secret,"
    )


class _Reader:
    """Takes the tree of a tokens file for Tokens, and collects what is wrong with it."""

    def __init__(self, file: str) -> None:
        self.shapes = YamlValues(file)
        self.own: list[Finding] = []
        self._names: dict[bytes, str] = {}

    def token(self, name: str, node: Node) -> Token:
        if not is_token_name(name):
            self.refuse(node, f"{_shown(name)} cannot be the name of a token")
        list_, limits = node, NO_LIMITS
        if isinstance(node.value, dict):
            known = self.shapes.mapping(node, _TOKEN_KEYS, f"the token '{name}'") or {}
            if "digests" not in known:
                message = f"the token {_shown(name)} has no 'digests'"
                self.refuse(node, message, "write digests: [sha256:…]")
                return Token(())
            list_, limits = known["digests"], parse_limits(known.get("limits"), self.shapes)
        given = list_.value if isinstance(list_.value, list) else [list_]
        if not 1 <= len(given) <= DIGESTS_MAX:
            self.refuse(
                list_,
                f"the token {_shown(name)} needs 1 or {DIGESTS_MAX} digests sha256:<64 hexadecimal digits>",
            )
        return Token(tuple(proof for item in given if (proof := self._proof(name, item))), limits)

    def refuse(self, node: Node, message: str, hint: str = _HINT) -> None:
        """Note something in words of our own, which show no more than names."""
        self.shapes.report(node, Code.DECLARATION_INVALID, message, hint)
        self.own.append(self.shapes.findings[-1])

    def _proof(self, name: str, node: Node) -> TokenDigest | None:
        expires = None
        stated = node
        if isinstance(node.value, dict):
            known = self.shapes.mapping(node, _PROOF_KEYS, f"a digest of the token '{name}'") or {}
            expires = self._expires(name, known.get("expires"))
            stated = known.get("digest", node)
        found = _DIGEST.fullmatch(stated.value) if isinstance(stated.value, str) else None
        if not found:
            message = (
                f"what stands for the token {_shown(name)} is not a digest sha256:<64 hexadecimal digits>"
            )
            self.refuse(stated, message)
            return None
        digest = bytes.fromhex(found[1])
        if digest in self._names:
            message = f"the digest of the token {_shown(name)} already proves {_shown(self._names[digest])}"
            self.refuse(stated, message, "give each name a secret of its own")
        self._names[digest] = name
        return TokenDigest(digest, expires, stated.line)

    def _expires(self, name: str, node: Node | None) -> datetime | None:
        if node is None:
            return None
        try:
            return parse_instant(node.value) if isinstance(node.value, str) else parse_instant("")
        except ValueError:
            message = f"the token {_shown(name)} expires on something that is not an instant"
            self.refuse(node, message, "write expires: 2027-01-01T00:00:00Z, or a day")
            return None
