"""`python -m tests.docs` makes the tables of the documentation and the published schema anew from the code."""

from tests.docs.tables import PUBLISHED_SCHEMA, README, filled, published_schema

README.write_text(filled(README.read_text()))
PUBLISHED_SCHEMA.write_text(published_schema())
