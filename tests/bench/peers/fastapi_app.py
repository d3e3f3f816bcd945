"""What the gateway is compared with: endpoints by hand, with FastAPI, pydantic and asyncpg, to be fast.

It runs in the peers' own environment: `DSN=… TOKEN=… uvicorn fastapi_app:app`.
"""

import contextlib
import csv
import hmac
import io
import operator
import os
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Literal

import asyncpg
import orjson
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Clock = Annotated[int, Field(ge=-(2**63), le=2400)]
Length = Annotated[int, Field(ge=0, lt=2**63)]


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Order(Row):
    order_id: Integer
    customer: Annotated[str, Field(max_length=200)]
    amount: Annotated[Decimal, Field(max_digits=12, decimal_places=2)]
    paid: bool = False
    placed_at: AwareDatetime
    note: str | None = None


class Flight(Row):
    year: Integer
    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)]
    dep_time: Clock | None = None
    sched_dep_time: Clock
    dep_delay: Integer | None = None
    arr_time: Clock | None = None
    sched_arr_time: Clock
    arr_delay: Integer | None = None
    carrier: Annotated[str, Field(max_length=2)]
    flight: Integer
    tailnum: Annotated[str, Field(max_length=6)] | None = None
    origin: Literal["EWR", "JFK", "LGA"]
    dest: Annotated[str, Field(min_length=3, max_length=3)]
    air_time: Length | None = None
    distance: Length
    hour: Annotated[int, Field(ge=0, le=24)]
    minute: Annotated[int, Field(ge=0, le=60)]
    time_hour: AwareDatetime


ORDER = tuple(Order.model_fields)
SELECT = f"SELECT {', '.join(ORDER)} FROM orders WHERE order_id >= $1 AND order_id < $2 ORDER BY order_id"


class Json(Response):
    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return orjson.dumps(content, default=float, option=orjson.OPT_UTC_Z)


async def authenticated(given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> None:
    if not hmac.compare_digest(given.credentials.encode(), os.environ["TOKEN"].encode()):
        raise HTTPException(401)


def endpoint(table: str, model: type[Row]) -> APIRouter:
    """The ways to write rows of a table: one, and many as JSON or CSV."""
    router = APIRouter(prefix=f"/{table}")
    one, many = TypeAdapter(model), TypeAdapter(list[model])
    columns = tuple(model.model_fields)
    record = operator.attrgetter(*columns)
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"

    @router.post("", status_code=201)
    async def post_one(request: Request) -> Response:
        row = model.model_validate_json(await request.body())
        async with request.app.state.pool.acquire() as connection:
            # asyncpg prepares a statement once for each connection.
            await connection.execute(insert, *record(row))
        return Json({"stored": 1}, 201)

    @router.post("/bulk", status_code=201)
    async def post_many(request: Request) -> Response:
        rows = many.validate_json(await request.body())
        async with request.app.state.pool.acquire() as connection, connection.transaction():
            await connection.copy_records_to_table(table, records=map(record, rows), columns=columns)
        return Json({"stored": len(rows)}, 201)

    @router.post("/csv", status_code=201)
    async def post_csv(request: Request) -> Response:
        """CSV as it arrives into COPY. PostgreSQL checks the cells, by the types of its columns and their CHECKs.

        That is what a team would do for speed. It takes more than pydantic does: it rounds what has too many digits,
        and knows instants such as `yesterday`.
        """
        require_csv(request)
        pieces = request.stream()
        head = await header_of(pieces)
        require_header(head.partition(b"\n")[0].decode(errors="replace").rstrip("\r").split(","), columns)
        try:
            async with request.app.state.pool.acquire() as connection:
                copied = await connection.copy_to_table(
                    table, source=with_head(head, pieces), columns=columns, format="csv", header=True
                )
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise HTTPException(422, str(error)) from error
        return Json({"stored": int(copied.removeprefix("COPY "))}, 201)

    @router.post("/csv/checked", status_code=201)
    async def post_checked_csv(request: Request) -> Response:
        """CSV whose cells pydantic checks as those of JSON, and then COPY. An empty cell is a null."""
        require_csv(request)
        header, *records = csv.reader(io.StringIO((await request.body()).decode(), newline=""))
        require_header(header, columns)
        rows = [
            one.validate_strings({name: cell for name, cell in zip(columns, cells, strict=True) if cell})
            for cells in records
        ]
        async with request.app.state.pool.acquire() as connection, connection.transaction():
            await connection.copy_records_to_table(table, records=map(record, rows), columns=columns)
        return Json({"stored": len(rows)}, 201)

    return router


def require_csv(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
        raise HTTPException(415)


def require_header(given: list[str], columns: tuple[str, ...]) -> None:
    if tuple(given) != columns:
        raise HTTPException(422, f"the header is not {','.join(columns)}")


async def header_of(pieces: AsyncIterator[bytes]) -> bytes:
    """The first pieces of a body, up to the one in which its first line ends."""
    head = b""
    async for piece in pieces:
        head += piece
        if b"\n" in piece:
            break
    return head


async def with_head(head: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in pieces:
        yield piece


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DSN"], min_size=10, max_size=10) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan, dependencies=[Depends(authenticated)])
app.include_router(endpoint("orders", Order))
app.include_router(endpoint("flights", Flight))


@app.exception_handler(ValidationError)
async def invalid(request: Request, error: ValidationError) -> Response:
    return Json({"detail": error.errors(include_url=False)}, 422)


@app.get("/orders")
async def orders(request: Request, first: int, end: int) -> Response:
    """The orders from one number to before another."""
    rows = await request.app.state.pool.fetch(SELECT, first, end)
    return Json([dict(zip(ORDER, row, strict=True)) for row in rows])
