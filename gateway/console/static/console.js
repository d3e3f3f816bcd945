// The only script of the console. Every page works without it. It sets text, never HTML.

/** Put the URL that the browser sees in place of the one that the server knew: a proxy may have added a prefix. */
function showUrls() {
  for (const shown of document.querySelectorAll("[data-url]")) {
    shown.textContent = new URL(shown.dataset.url, document.baseURI).href;
  }
}

/** The same for the URL of the gateway inside of snippets, where a quote would end a string. */
function showBases() {
  for (const shown of document.querySelectorAll("[data-base]")) {
    const base = new URL(shown.dataset.base, document.baseURI).href;
    shown.textContent = base.replace(/\/$/, "").replaceAll("'", "%27");
  }
}

/** Show only the rows of a table whose text has every word that is typed; on a page without the table, Enter asks. */
function filterRows(input, table) {
  const words = input.value.toLowerCase().split(/\s+/);
  for (const row of table.tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
}

function offerFilters() {
  for (const input of document.querySelectorAll("input[data-filter]")) {
    const table = document.getElementById(input.dataset.filter);
    if (table) {
      input.addEventListener("input", () => filterRows(input, table));
    }
  }
}

/** The text of an element, in which characters that are not seen are shown by signs. */
function textOf(element) {
  const copied = element.cloneNode(true);
  for (const sign of copied.querySelectorAll("[data-code]")) {
    sign.textContent = String.fromCodePoint(Number(sign.dataset.code));
  }
  return copied.textContent;
}

/** Copy the text of an element. Over plain http a browser has no clipboard for pages, so the text is selected there. */
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(textOf(source));
    button.textContent = "Copied";
  } else {
    getSelection().selectAllChildren(source);
  }
}

function offerCopies() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

/** Put the number of all rows in place of the link that asks for it, after the rows are shown. */
async function showCount(shown) {
  const answer = await fetch(shown.dataset.count, { headers: { Accept: "application/json" } });
  if (answer.ok) {
    const { count } = await answer.json();
    shown.textContent = `${count.toLocaleString("en-US")} ${count === 1 ? "row" : "rows"}`;
  }
}

function showCounts() {
  for (const shown of document.querySelectorAll("[data-count]")) {
    showCount(shown);
  }
}

/** Offer one box that checks all boxes of a table, and show how many are checked. */
function offerCheckAll() {
  for (const all of document.querySelectorAll("input[data-check-all]")) {
    const id = all.dataset.checkAll;
    const boxes = [...document.querySelectorAll(`#${id} tbody input[type=checkbox]`)];
    const show = () => {
      const checked = boxes.filter((box) => box.checked).length;
      all.checked = checked > 0 && checked === boxes.length;
      all.indeterminate = checked > 0 && !all.checked;
      for (const shown of document.querySelectorAll(`[data-checked="${id}"]`)) {
        shown.textContent = checked;
        shown.closest("button").disabled = checked === 0;
      }
    };
    all.hidden = boxes.length === 0;
    all.addEventListener("input", () => {
      for (const box of boxes) {
        box.checked = all.checked;
      }
      show();
    });
    for (const box of boxes) {
      box.addEventListener("input", show);
    }
    show();
  }
}

showUrls();
showBases();
showCounts();
offerFilters();
offerCopies();
offerCheckAll();
