"""The form of a page as a browser without a script sends it."""

from html.parser import HTMLParser


class HtmlForm(HTMLParser):
    """Collects the inputs of the form of a class, with the texts that they have; those in templates do not count."""

    def __init__(self, page: str, of: str = "builder") -> None:
        super().__init__()
        self.inputs: dict[str, str] = {}
        self.ids: set[str] = set()
        self._of = of
        self._is_inside = False
        self._templates = 0
        self._area: str | None = None
        self._select: str | None = None
        self._option: tuple[str | None, bool] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        if tag == "template":
            self._templates += 1
        if self._templates:
            return
        self.ids |= {own["id"] or ""} if "id" in own else set()
        if tag == "form":
            self._is_inside = self._of in (own.get("class") or "").split()
        if not self._is_inside:
            return
        name = own.get("name")
        if tag == "input" and name and (own.get("type") != "checkbox" or "checked" in own):
            self.inputs[name] = own.get("value", "on" if own.get("type") == "checkbox" else "") or ""
        elif tag == "textarea" and name:
            self._area, self.inputs[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self._option = (own.get("value"), "selected" in own or self._select not in self.inputs)
            if self._option[1] and self._option[0] is not None:
                self.inputs[self._select] = self._option[0]

    def handle_data(self, data: str) -> None:
        if self._templates:
            return
        if self._area is not None:
            self.inputs[self._area] += data
        elif self._option is not None and self._select and self._option[0] is None and self._option[1]:
            self.inputs[self._select] = data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._templates -= 1
        elif tag == "form":
            self._is_inside = False
        elif tag == "textarea" and self._area is not None:
            # Browsers drop the first line break of a text area, and send CRLF.
            text = self.inputs[self._area].removeprefix("\n")
            self.inputs[self._area], self._area = text.replace("\n", "\r\n"), None
        elif tag == "option":
            self._option = None
        elif tag == "select":
            self._select = None
