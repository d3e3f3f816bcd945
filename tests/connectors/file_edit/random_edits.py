"""Random edits of the values of a connector file."""

import copy
import random

from tests.connectors.file_edit.random_files import NAMES, RandomFile

KNOWN = {
    (): [
        "name",
        "description",
        "path",
        "access",
        "primary_key",
        "on_invalid",
        "retention",
        "limits",
        "read_limit",
    ],
    ("access",): ["ingest", "read", "change"],
    ("retention",): ["days", "rows"],
    ("limits",): ["rows_per_second", "requests_per_second"],
}
RULES = [
    "type",
    "nullable",
    "default",
    "description",
    "examples",
    "enum",
    "minimum",
    "maximum",
    "pattern",
    "renamed_from",
]


class RandomEdit:
    """One to three random changes of a tree.

    Attributes:
        wanted: The changed tree.
        renamed: The former name of each field with a new name.
    """

    def __init__(self, model: dict, seed: int) -> None:
        self._chance = random.Random(seed)
        self._values = RandomFile(seed)
        self.wanted = copy.deepcopy(model)
        self.renamed: dict[str, str] = {}
        self.operations: list[str] = []
        for _ in range(self._chance.randint(1, 3)):
            operation = self._chance.choice(
                [
                    self._set,
                    self._set,
                    self._set,
                    self._add,
                    self._add,
                    self._delete,
                    self._rename,
                    self._move,
                    self._items,
                    self._form,
                ]
            )
            operation()
            self.operations.append(operation.__name__)

    def _maps(self) -> list[tuple[tuple, dict]]:
        return [(path, value) for path, value in _walk(self.wanted, ()) if isinstance(value, dict)]

    def _set(self) -> None:
        path, owner = self._chance.choice([each for each in self._maps() if each[1]])
        key = self._chance.choice(list(owner))
        if path != () or key != "fields":
            owner[key] = self._values.field() if path == ("fields",) else self._values.value()

    def _add(self) -> None:
        path, owner = self._chance.choice(
            [*self._maps(), ((), self.wanted), (("fields",), self.wanted["fields"])]
        )
        known = RULES if len(path) == 2 and path[0] == "fields" else KNOWN.get(path, NAMES)
        key = self._chance.choice(known)
        if key in owner:
            return
        value = self._values.field() if path == ("fields",) else self._values.value()
        if path in KNOWN or self._chance.random() < 0.5:
            owner[key] = value
        else:
            items = list(owner.items())
            items.insert(self._chance.randint(0, len(items)), (key, value))
            _refill(owner, items)

    def _delete(self) -> None:
        path, owner = self._chance.choice([each for each in self._maps() if each[1]])
        key = self._chance.choice(list(owner))
        if path != () or key != "fields":
            del owner[key]

    def _rename(self) -> None:
        fields = self.wanted["fields"]
        if not fields or self.renamed:
            return
        old, new = self._chance.choice(list(fields)), self._chance.choice(NAMES)
        if new not in fields:
            _refill(fields, [(new if name == old else name, value) for name, value in fields.items()])
            self.renamed[new] = old

    def _move(self) -> None:
        ordered = [
            value
            for path, value in self._maps()
            if len(value) > 1 and path not in KNOWN and not (len(path) == 2 and path[0] == "fields")
        ]
        owner = self._chance.choice([self.wanted["fields"], *ordered])
        items = list(owner.items())
        if items:
            moved = items.pop(self._chance.randrange(len(items)))
            items.insert(self._chance.randint(0, len(items)), moved)
            _refill(owner, items)

    def _items(self) -> None:
        lists = [value for _, value in _walk(self.wanted, ()) if isinstance(value, list)]
        if not lists:
            return
        items = self._chance.choice(lists)
        place = self._chance.randint(0, len(items))
        kind = self._chance.random()
        if kind < 0.4 or not items:
            items.insert(place, self._values.value(1))
        elif kind < 0.7:
            del items[place % len(items)]
        elif kind < 0.85:
            items.insert(place, items.pop(self._chance.randrange(len(items))))
        else:
            items[place % len(items)] = self._values.value(1)

    def _form(self) -> None:
        """Write rules behind a type, or only the type of a field with rules."""
        fields = self.wanted["fields"]
        if fields:
            name = self._chance.choice(list(fields))
            field = fields[name]
            fields[name] = (
                {"type": field, "nullable": True}
                if isinstance(field, str)
                else (field or {}).get("type", "string")
            )


def _walk(value: object, path: tuple) -> list[tuple[tuple, object]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value), *(found for key, item in pairs for found in _walk(item, (*path, key)))]


def _refill(owner: dict, items: list) -> None:
    owner.clear()
    owner.update(items)
