"""From the place of a finding in a file to the input of the form that shows it."""

from collections.abc import Iterator, Mapping

from gateway.connectors.yaml_text.document import parse_document
from gateway.connectors.yaml_text.node import Node
from gateway.console.builder import connector_form
from gateway.console.builder.controls import BOUND_CONTROLS, CONNECTOR_CONTROLS, FIELD_CONTROLS
from gateway.console.builder.field_row import NAME

Path = tuple[str, ...]


class Places:
    """The inputs of a form by the line and column of their keys and values."""

    def __init__(self, text: bytes, file: str, inputs: Mapping[str, str]) -> None:
        """Read the places of a text, whose fields are the rows of these inputs."""
        root = parse_document(text, file).root
        self._paths: dict[tuple[int, int], Path] = {}
        for path, node in _walk(root, ()) if root else ():
            self._paths[node.line, node.column] = path
        self._rows = {
            row.get(NAME, "").strip(): number for number, row in connector_form.rows_of(inputs).items()
        }

    def input_at(self, line: int | None, column: int | None, *, is_missing: bool = False) -> str | None:
        """Return the name of the input that shows a place, None if no input does.

        Args:
            line: The line of a finding.
            column: Its column.
            is_missing: Whether it is about a key that is missing there.
        """
        path = self._paths.get((line or 0, column or 0))
        return None if path is None else self._input_of(path, is_missing=is_missing)

    def input_of_field(self, name: str | None, key: str = NAME) -> str | None:
        """Return the name of an input of a field's row, None if there is no such row."""
        number = self._rows.get(name or "")
        return None if number is None else f"f{number}.{key}"

    def _input_of(self, path: Path, *, is_missing: bool) -> str | None:
        if path[0] == "fields" and len(path) > 1:
            key = path[2] if len(path) > 2 and not is_missing else "type" if is_missing else NAME
            return self.input_of_field(path[1], key if key == "type" or key in FIELD_CONTROLS else NAME)
        if path[0] in BOUND_CONTROLS:
            known = BOUND_CONTROLS[path[0]]
            return f"{path[0]}.{path[1] if len(path) > 1 and path[1] in known else next(iter(known))}"
        if is_missing and len(path) == 1:
            first = next(iter(self._rows.values()), None)
            return None if first is None else f"f{first}.{NAME}"
        if path[0] == "access":
            return connector_form.NEW_TOKEN
        return path[0] if path[0] in CONNECTOR_CONTROLS else None


def _walk(node: Node, path: Path) -> Iterator[tuple[Path, Node]]:
    """Yield the places of all values and keys with their paths, the deeper one of two at the same place last."""
    if isinstance(node.value, dict):
        for name, item in node.value.items():
            inner = (*path, name)
            is_short = len(inner) == 2 and inner[0] == "fields" and not isinstance(item.value, dict)
            if not isinstance(item.value, dict):
                yield (*inner, "type") if is_short else inner, item
            yield from _walk(item, inner)
            yield inner, (node.keys or {})[name]
    elif isinstance(node.value, list):
        for item in node.value:
            yield path, item
