"""Documents are written once for each set of rights, and kept until the snapshot changes."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.admin import openapi_documents
from gateway.admin.openapi_documents import MAX_DOCUMENTS, DocumentKey, DocumentWriter, OpenApiDocuments
from gateway.endpoints.live import Live, Snapshot
from gateway.openapi import document
from gateway.openapi.connector_part import ConnectorPart
from tests.openapi.samples import connectors

ALL = document.EVERY_VERB
SEEN = tuple((connector.name, ALL) for connector in connectors())


@pytest.fixture
def built(monkeypatch):
    """Give the names of the parts that are built."""
    names = []
    build = ConnectorPart.of

    def counted(connector, verbs, suffix):
        names.append(connector.name)
        return build(connector, verbs, suffix)

    monkeypatch.setattr(ConnectorPart, "of", counted)
    return names


def snapshot(*others):
    found = {each.name: each for each in (*connectors(), *others)}
    return Snapshot(endpoints={name: SimpleNamespace(connector=each) for name, each in found.items()})


def test_askers_with_the_same_rights_share_a_document(built):
    async def ask():
        live = Live()
        live.show(snapshot())
        documents = OpenApiDocuments(live)
        at_once = await asyncio.gather(*(documents.find(DocumentKey(SEEN, "../")) for _ in range(5)))
        return [*at_once, await documents.find(DocumentKey(SEEN, "../"))]

    first, *others = asyncio.run(ask())

    assert all(each is first for each in others)
    assert sorted(built) == sorted(name for name, _ in SEEN)


def test_next_snapshot_rebuilds_what_has_changed(built):
    async def ask():
        live = Live()
        live.show(snapshot())
        documents = OpenApiDocuments(live)
        first = await documents.find(DocumentKey(SEEN, "../"))
        built.clear()
        (changed,) = (each for each in connectors() if each.name == "orders")
        kept = live.snapshot.endpoints
        live.show(Snapshot(endpoints={**kept, "orders": SimpleNamespace(connector=changed)}))
        return first, await documents.find(DocumentKey(SEEN, "../"))

    first, second = asyncio.run(ask())

    assert built == ["orders"]
    assert (first is second, first.digest == second.digest) == (False, True)


def test_disconnected_client_leaves_the_document_to_others():
    async def ask():
        live = Live()
        live.show(snapshot())
        documents = OpenApiDocuments(live)
        leaving = asyncio.ensure_future(documents.find(DocumentKey(SEEN, "../")))
        staying = asyncio.ensure_future(documents.find(DocumentKey(SEEN, "../")))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert json.loads(asyncio.run(ask()).plain())["paths"]


def test_failed_document_is_tried_again(monkeypatch):
    failures = [MemoryError()]
    build = document.of_parts

    def failing(*arguments):
        if failures:
            raise failures.pop()
        return build(*arguments)

    monkeypatch.setattr(document, "of_parts", failing)

    async def ask():
        live = Live()
        live.show(snapshot())
        documents = OpenApiDocuments(live)
        with pytest.raises(MemoryError):
            await documents.find(DocumentKey(SEEN, "../"))
        return await documents.find(DocumentKey(SEEN, "../"))

    assert json.loads(asyncio.run(ask()).plain())["paths"]


def test_kept_documents_and_parts_are_bounded(monkeypatch):
    monkeypatch.setattr(openapi_documents, "MAX_PARTS", 3)
    writer, found = DocumentWriter(), connectors()

    async def ask():
        live = Live()
        live.show(snapshot())
        documents = OpenApiDocuments(live)
        for number in range(MAX_DOCUMENTS + 3):
            await documents.find(DocumentKey((), f"{number}/"))
        return documents

    writer.write([(each, ALL) for each in found], DocumentKey(SEEN, "../"))

    assert len(writer._parts) <= 3 < len(found)
    assert len(asyncio.run(ask())._documents) == MAX_DOCUMENTS


def test_written_document_is_the_built_one():
    found = [(each, ALL) for each in connectors()]
    written = DocumentWriter().write(found, DocumentKey(SEEN, "../"))

    assert json.loads(written.plain()) == json.loads(strictjson.write(document.build(found, "../")))


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    depth=st.integers(0, 4),
    size=st.integers(1, 50),
)
def test_chunks_are_the_text_of_the_whole(value, depth, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strictjson, "_CHUNK_BYTES", size)
        assert b"".join(strictjson.chunks(value, depth)) == strictjson.write(value)
