"""Workbooks written part by part, as no program writes them, and by programs that many have."""

import io
import zipfile
from collections.abc import Mapping

import openpyxl

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def relations(**targets: str) -> str:
    """The part that names others: each name is the kind of relation, with a number behind it."""
    listed = "".join(
        f'<Relationship Id="{id}" Type="{_RELATIONS}/{id.rstrip("0123456789")}" Target="{target}"/>'
        for id, target in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}">{listed}</Relationships>'


def sheet(*rows: str) -> str:
    """A sheet of rows, each as the XML of its cells."""
    text = "".join(f"<row>{row}</row>" for row in rows)
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{text}</sheetData></worksheet>'


def texts(*items: str) -> str:
    """The shared texts, each as the XML inside of it."""
    return f'<sst xmlns="{_MAIN}">' + "".join(f"<si>{item}</si>" for item in items) + "</sst>"


def styles(*codes: str) -> str:
    """One style for each format code, after the first, which has none."""
    formats = "".join(
        f'<numFmt numFmtId="{164 + place}" formatCode="{code}"/>' for place, code in enumerate(codes)
    )
    used = "".join(f'<xf numFmtId="{164 + place}"/>' for place in range(len(codes)))
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts>{formats}</numFmts>'
        f'<cellXfs><xf numFmtId="0"/>{used}</cellXfs></styleSheet>'
    )


def workbook(
    first: str, *, properties: str = "", parts: Mapping[str, str | bytes] | None = None, names: str = ""
) -> bytes:
    """A workbook with one sheet, and other parts or their replacements."""
    listed = names or '<sheet name="Rows" sheetId="1" r:id="worksheet1"/>'
    content: dict[str, str | bytes] = {
        "_rels/.rels": relations(officeDocument1="xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">{properties}'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            worksheet1="worksheets/sheet1.xml",
            worksheet2="worksheets/sheet2.xml",
            chartsheet1="chartsheets/sheet1.xml",
            sharedStrings1="sharedStrings.xml",
            styles1="/xl/styles.xml",
        ),
        "xl/worksheets/sheet1.xml": first,
        **(parts or {}),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.getvalue()


def by_openpyxl(*rows: list[object], title: str = "Rows") -> bytes:
    """A workbook of openpyxl with these rows."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = title
    for row in rows:
        page.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
