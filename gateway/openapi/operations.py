"""The operations of one connector: those that its asker may use, as a path item."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.auth.permissions import Verb
from gateway.connectors.connector import PUBLIC, Connector
from gateway.media_types import BINARY, RECEIVED, SERVED, Media
from gateway.openapi import request_parameters, row_schemas, shared_components
from gateway.openapi.body_examples import example_body
from gateway.openapi.row_schemas import reference
from gateway.openapi.shared_components import COMMON_ERRORS, header_references, response_reference
from gateway.query.preferences import PREFERENCES
from gateway.strictjson import Json

#: The formats of a POST in a document. A form is left out: generated clients would send its class as JSON and as a form.
_DOCUMENTED = tuple(media for media in RECEIVED if media is not Media.FORM)
_WRITE_HEADERS = ("Preference-Applied", "Content-Range", "Idempotent-Replayed")
_READ_HEADERS = ("Content-Range", "ETag", "Link", "Preference-Applied")

_Parameters = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Operations:
    """Builds the path item of a connector, and collects the parameters that it refers to.

    Attributes:
        connector: The connector.
        verbs: What the asker may do with it.
        suffix: The connector's name in the names of its operations.
        row: An example row; empty if none was found.
        filters: The filter parameters of the connector, by their names among the components.
        parameters: The parameters that the operations refer to, by their names among the components.
    """

    connector: Connector
    verbs: frozenset[Verb]
    suffix: str
    row: Mapping[str, Json]
    filters: Mapping[str, Mapping[str, Json]]
    parameters: dict[str, Mapping[str, Json]] = field(default_factory=dict)

    def path_item(self) -> dict[str, Json]:
        """Build the operations by method."""
        found: dict[str, Json] = {}
        if "read" in self.verbs:
            found |= {"get": self._get(), "head": self._head()}
        if "ingest" in self.verbs:
            found["post"] = self._post()
        if "change" in self.verbs:
            found |= {"put": self._put(), "patch": self._patch(), "delete": self._delete()}
        return found

    def _get(self) -> dict[str, Json]:
        rows = self._rows_response("The rows.")
        parameters = {**self._read_parameters("GET"), **request_parameters.range_parameter()}
        text = "Without `limit` all rows are streamed, in the order in which they were committed."
        responses = {
            "200": rows,
            "206": {**rows, "description": "A page of the rows, which were counted."},
            "304": response_reference("NotModified"),
        }
        return self._operation("read", f"Read rows of {self.connector.name}", text, parameters, responses)

    def _head(self) -> dict[str, Json]:
        headers = header_references(*_READ_HEADERS)
        responses = {
            "200": {"description": "The headers of a GET.", "headers": headers},
            "206": {"description": "The headers of a page.", "headers": headers},
            "304": response_reference("NotModified"),
        }
        text = "The headers of a GET. With `Prefer: count=exact`, `Content-Range` has the number of rows."
        parameters = self._read_parameters("HEAD")
        return self._operation("head", f"Count rows of {self.connector.name}", text, parameters, responses)

    def _post(self) -> dict[str, Json]:
        resolutions = self._resolutions()
        parameters = {
            **request_parameters.write_parameters(("columns", *(["on_conflict"] if resolutions else []))),
            **request_parameters.prefer("POST", resolutions=resolutions),
            **request_parameters.idempotency_key(self.connector),
            **request_parameters.idempotency_after(),
        }
        created = {**_receipt("Every row is stored, and survives a crash."), **self._links()}
        responses = {
            "201": created,
            "200": _receipt("A receipt of `Prefer: tx=rollback`: nothing was stored."),
        }
        if self.connector.policy.on_invalid != "reject":
            responses["207"] = _receipt("The good rows are stored, and the bad rows are kept for repair.")
        responses["422"] = response_reference("RowsInvalid")
        text = "All rows of the body are stored together, or none. `Prefer: return=representation` returns the rows."
        summary = f"Store rows in {self.connector.name}"
        return self._operation("write", summary, text, parameters, responses, self._rows_body())

    def _put(self) -> dict[str, Json]:
        parameters = {**request_parameters.write_parameters(("columns",)), **request_parameters.prefer("PUT")}
        responses = {
            "201": _receipt("The rows of the body have replaced all others."),
            "200": _receipt("A receipt of `Prefer: tx=rollback`: nothing was stored."),
            "422": response_reference("RowsInvalid"),
        }
        if self.connector.policy.on_invalid != "reject":
            responses["207"] = _receipt("The good rows have replaced all others; the bad rows are kept.")
        summary, text = (
            f"Replace all rows of {self.connector.name}",
            "In one transaction; the body has at least a row.",
        )
        return self._operation("replace", summary, text, parameters, responses, self._rows_body())

    def _patch(self) -> dict[str, Json]:
        parameters = {
            **self._filters(),
            **request_parameters.write_parameters(("columns",)),
            **request_parameters.prefer("PATCH"),
        }
        responses = {
            "204": _changed("The rows that match are changed."),
            "422": response_reference("RowsInvalid"),
        }
        schema = reference(row_schemas.update_of(self.connector.name))
        body = {"required": True, "content": {Media.JSON.media_type: {"schema": schema}}}
        summary = f"Change rows of {self.connector.name}"
        return self._operation("update", summary, _FILTER_NEEDED, parameters, responses, body)

    def _delete(self) -> dict[str, Json]:
        parameters = {**self._filters(), **request_parameters.prefer("DELETE")}
        responses = {"204": _changed("The rows that match are deleted.")}
        summary = f"Delete rows of {self.connector.name}"
        return self._operation("delete", summary, _FILTER_NEEDED, parameters, responses)

    def _operation(
        self,
        kind: str,
        summary: str,
        description: str,
        parameters: _Parameters,
        responses: Mapping[str, Json],
        body: Json = None,
    ) -> dict[str, Json]:
        self.parameters.update(parameters)
        verb: Verb = _VERBS[kind]
        is_public = PUBLIC in getattr(self.connector.access, verb)
        errors = {status: response_reference(name) for status, name in COMMON_ERRORS.items()}
        return {
            "operationId": f"{kind}_{self.suffix}",
            "tags": [self.connector.name],
            "summary": summary,
            "description": description,
            "security": [
                *([{}] if is_public else []),
                *({name: []} for name in shared_components.SECURITY_SCHEMES),
            ],
            "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in parameters],
            **({"requestBody": body} if body else {}),
            "responses": {**responses, **errors},
        }

    def _read_parameters(self, method: str) -> _Parameters:
        return {**self.filters, **request_parameters.read_parameters(), **request_parameters.prefer(method)}

    def _filters(self) -> _Parameters:
        return {**self.filters, **request_parameters.tree_parameters()}

    def _resolutions(self) -> Iterable[str]:
        """Return the values of `Prefer: resolution` that the key, the policy, and the asker's rights allow."""
        can_merge = "change" in self.verbs or self.connector.policy.on_conflict == "replace"
        every = PREFERENCES["resolution"][0] if self.connector.primary_key else ()
        return tuple(value for value in every if can_merge or not value.startswith("merge"))

    def _rows_response(self, description: str) -> dict[str, Json]:
        part = reference(row_schemas.part_of(self.connector.name))
        schemas: dict[Media, Json] = {
            Media.JSON: {"type": "array", "items": part},
            Media.NDJSON: {"type": "string"},
            Media.CSV: {"type": "string"},
        }
        # JSON comes first: generators take the first type that they know.
        content = {media.media_type: {"schema": schemas.get(media, {})} for media in SERVED}
        return {"description": description, "headers": header_references(*_READ_HEADERS), "content": content}

    def _rows_body(self) -> dict[str, Json]:
        row = reference(row_schemas.insert_of(self.connector.name))
        either = {"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}
        content: dict[str, Json] = {}
        for media in _DOCUMENTED:
            text = {"type": "string"}
            if media in BINARY:
                text["contentMediaType"] = media.media_type
            content[media.media_type] = {"schema": either if media is Media.JSON else text}
            if self.row and media not in BINARY:
                content[media.media_type]["examples"] = {"rows": {"value": example_body(media, self.row)}}
        return {"required": True, "content": content}

    def _links(self) -> dict[str, Json]:
        """Build the link from a receipt to the rows of its batch, if the asker may read them."""
        if "read" not in self.verbs:
            return {}
        batch = "eq.{$response.body#/batch}"
        link = {"operationId": f"read_{self.suffix}", "parameters": {"query._batch": batch}}
        return {"links": {"rows": {**link, "description": "The rows of the batch."}}}


_VERBS: Mapping[str, Verb] = {
    "read": "read",
    "head": "read",
    "write": "ingest",
    "replace": "change",
    "update": "change",
    "delete": "change",
}
_FILTER_NEEDED = "At least one filter is required; `_id=gte.0` is every row. `Prefer: return=representation` returns the rows."


def _receipt(description: str) -> dict[str, Json]:
    content = {"application/json": {"schema": reference("GatewayReceipt")}}
    return {"description": description, "headers": header_references(*_WRITE_HEADERS), "content": content}


def _changed(description: str) -> dict[str, Json]:
    return {"description": description, "headers": header_references("Content-Range", "Preference-Applied")}
