"""ClickHouse in a process, told what to do as in `told.py`: `clickhouse_alone.py DIRECTORY`.

It runs in the peers' own environment, which has chdb.
"""

import json
import sys

from chdb.session import Session
from told import serve


def main(directory: str) -> None:
    session = Session(directory)

    def execute(statement: dict) -> list:
        # Errors are raised, and statements without an answer have none.
        answer = session.query(statement["sql"], "JSONCompact").bytes()
        return json.loads(answer)["data"] if answer else []

    serve(execute)


if __name__ == "__main__":
    main(sys.argv[1])
