"""What the gateway is compared with: two endpoints by hand, with FastAPI, pydantic and asyncpg, to be fast.

It runs in the peers' own environment: `DSN=… TOKEN=… uvicorn fastapi_app:app`.
"""

import contextlib
import hmac
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
    """The two ways to write rows of a table: one, and many."""
    router = APIRouter(prefix=f"/{table}")
    many = TypeAdapter(list[model])
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

    return router


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
