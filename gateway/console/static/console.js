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

/** Show only the entries of a table whose text has every word that is typed; on a page without the table, Enter asks. */
function filterRows(input, table) {
  const words = input.value.toLowerCase().split(/\s+/);
  for (const entry of table.querySelectorAll("[data-find]")) {
    const text = entry.textContent.toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word));
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

const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

/** The text of an error of the gateway: what is wrong, and what to do. */
async function problemOf(response) {
  const error = await response.json().catch(() => ({ message: `Status ${response.status}` }));
  return [error.message, error.hint].filter(Boolean).join(". ");
}

/** Send one slice of a file, up to 5 times; return the upload after it. A lost answer is asked for. */
async function sendSlice(url, file, upload) {
  const end = Math.min(upload.received + upload.slice_bytes, file.size);
  const body = file.slice(upload.received, end);
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`${url}?at=${upload.received}`, { method: "PUT", body }).catch(() => null);
    if (response?.ok) {
      return response.json();
    }
    if (response && response.status < 500 && response.status !== 409) {
      throw new Error(await problemOf(response));
    }
    if (tries === 5) {
      throw new Error(response ? await problemOf(response) : "The gateway cannot be reached. Choose the file again to go on");
    }
    await pause(300 * tries);
    const state = await fetch(url).catch(() => null);
    if (state?.ok) {
      const now = await state.json();
      if (now.received !== upload.received) {
        return now;
      }
    }
  }
}

/** Send the file of a form in slices, and open the page that follows. */
async function sendFile(form, show) {
  const root = form.dataset.upload;
  const file = form.elements.file.files[0];
  const announced = {
    name: file.name,
    size: file.size,
    modified: file.lastModified,
    connector: form.elements.connector.value || null,
    format: form.elements.format.value || null,
  };
  const headers = { "Content-Type": "application/json" };
  const options = { method: "POST", headers, body: JSON.stringify(announced) };
  const response = await fetch(`${root}-/console/uploads`, options);
  if (!response.ok) {
    throw new Error(await problemOf(response));
  }
  let upload = await response.json();
  const url = `${root}-/console/uploads/${upload.id}`;
  while (upload.received < upload.size) {
    show(upload);
    upload = await sendSlice(url, file, upload);
  }
  show(upload);
  location.assign(root + upload.next);
}

/** Send files in slices with their progress, and take files that are dropped on the form. */
function offerUploads() {
  for (const form of document.querySelectorAll("form[data-upload]")) {
    const trouble = form.querySelector("[data-trouble]");
    const sent = form.querySelector("[data-sent]");
    const show = (upload) => {
      sent.querySelector("progress").value = (100 * upload.received) / upload.size;
      sent.querySelector("span").textContent = `${Math.floor((100 * upload.received) / upload.size)} % sent`;
    };
    form.querySelector("[data-dropped]").hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = event.target.querySelector("button.primary");
      trouble.hidden = true;
      sent.hidden = false;
      button.disabled = true;
      try {
        await sendFile(form, show);
      } catch (error) {
        trouble.textContent = `${error.message}.`.replace("..", ".");
        trouble.hidden = false;
        sent.hidden = true;
      }
      button.disabled = false;
    });
    form.addEventListener("dragover", (event) => event.preventDefault());
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) {
        form.elements.file.files = event.dataTransfer.files;
        form.requestSubmit();
      }
    });
  }
}

/** Follow a load, and show its sums when it has ended. */
async function followLoad(shown) {
  const bar = shown.querySelector("progress");
  const waits = shown.querySelector("[data-waits]");
  for (;;) {
    await pause(300);
    const response = await fetch(shown.dataset.load).catch(() => null);
    const load = response?.ok ? (await response.json()).load : null;
    if (response && (!response.ok || load?.state !== "running")) {
      location.reload();
      return;
    }
    if (load) {
      bar.value = load.bytes;
      const rows = load.rows.toLocaleString("en-US");
      shown.querySelector("[data-loaded]").textContent = `${rows} rows, ${Math.floor((100 * load.bytes) / bar.max)} %`;
      waits.hidden = !load.waits_for;
      waits.querySelector("span").textContent = load.waits_for ?? "";
    }
  }
}

function followLoads() {
  for (const shown of document.querySelectorAll("[data-load]")) {
    followLoad(shown);
  }
}

showUrls();
showBases();
showCounts();
offerFilters();
offerCopies();
offerCheckAll();
offerUploads();
followLoads();
