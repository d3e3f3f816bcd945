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

/** One error of a row, as templates show it. */
function errorLine({ field, code, message }) {
  const line = element("li");
  line.append(element("bdi", field), " ", element("code", code), `: ${message}`);
  return line;
}

/** Check the text of a form, and show what is wrong with it beside the form. */
async function checkText(form) {
  const shown = document.getElementById("check");
  const body = new URLSearchParams(new FormData(form));
  const response = await fetch(form.dataset.check, { method: "POST", body }).catch(() => null);
  const errors = [];
  let text = "The gateway cannot be reached";
  if (response?.ok) {
    errors.push(...(await response.json()).errors);
    text = errors.length ? "Still bad; nothing was stored." : "This row would be stored. Nothing was stored yet.";
  } else if (response) {
    text = (await errorOf(response)).message;
  }
  const list = element("ul", "", { class: "errors" });
  list.append(...errors.map(errorLine));
  shown.className = response?.ok && !errors.length ? "note good" : "problem";
  shown.replaceChildren(element("p", sentence(text)), ...(errors.length ? [list] : []));
}

/** Check without leaving the page, so that the cursor stays where it is. */
function offerChecks() {
  for (const form of document.querySelectorAll("form[data-check]")) {
    form.addEventListener("submit", (event) => {
      if (event.submitter?.value === "check") {
        event.preventDefault();
        checkText(form);
      }
    });
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

/** A session is needed that has ended, or never was. */
class SignedOutError extends Error {}

/** The error of a response of the gateway: what is wrong, and what to do. */
async function errorOf(response) {
  if (response.status === 401) {
    return new SignedOutError("Your session has ended");
  }
  const error = await response.json().catch(() => ({ message: `Status ${response.status}` }));
  return new Error([error.message, error.details, error.hint].filter(Boolean).map(sentence).join(". "));
}

/** A link to the page that begins a session, and leads back to this page. */
function signInLink(root) {
  const here = location.href.slice(new URL(root, location.href).href.length);
  return element("a", "Sign in", { href: `${root}-/sign-in?next=${encodeURIComponent(here)}` });
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
      throw await errorOf(response);
    }
    if (tries === 5) {
      throw response ? await errorOf(response) : new Error("The gateway cannot be reached. Choose the file again to go on");
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
    throw await errorOf(response);
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
        if (error instanceof SignedOutError) {
          trouble.append(" What has arrived is kept. ", signInLink(form.dataset.upload), ", and choose the file again.");
        }
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
      shown.querySelector("[data-loaded]").textContent = `${rows} ${load.rows === 1 ? "row" : "rows"}, ${Math.floor((100 * load.bytes) / bar.max)} %`;
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
offerChecks();
offerUploads();
followLoads();

// -- the builder: rows that come and go, and a preview while the user types

const PREVIEW_AFTER_MS = 200;

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text ?? "";
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  return made;
}

/** Begin with a capital, as templates do: where the text begins with a word. */
function sentence(text) {
  return /^\p{L}+(?: |$)/u.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** A form of the builder, and what stands beside it. */
class BuilderForm {
  constructor(form) {
    this.form = form;
    this.kinds = JSON.parse(form.dataset.kinds);
    this.asked = 0;
    form.addEventListener("input", (event) => this.edited(event.target));
    form.addEventListener("change", (event) => {
      this.followName(event.target);
      this.edited(event.target);
    });
    form.addEventListener("click", (event) => this.clicked(event));
    form.addEventListener("submit", () => {
      clearTimeout(this.timer);
      this.known = this.content();
    });
    // Enter in an input would press the first button.
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) {
        event.preventDefault();
        this.preview();
      }
    });
    this.lastErrors = new Set(form.querySelectorAll(".error[id]"));
    // Back brings edits into the inputs again, beside the panels of the page as it was sent.
    addEventListener("pageshow", (event) => {
      const isEdited = this.isEdited();
      if (!event.persisted) {
        this.known = isEdited || form.hasAttribute("data-edited") ? null : this.content();
      }
      if (isEdited) {
        this.preview();
      }
    });
    // Back brings no rows again that the script made, and no page that answered a form.
    addEventListener("beforeunload", (event) => {
      if (this.known !== this.content()) {
        event.preventDefault();
      }
    });
  }

  /** The form as its buttons send it; it differs from what is known while there are edits that leaving would lose. */
  content() {
    return new URLSearchParams(new FormData(this.form)).toString();
  }

  /** Compare the inputs with those of the page as it was sent. */
  isEdited() {
    return [...this.form.querySelectorAll("input, textarea, select")].some((input) => {
      if (input.matches("select")) {
        const sent = [...input.options].findIndex((option) => option.defaultSelected);
        return input.selectedIndex !== Math.max(0, sent);
      }
      const isBox = input.type === "checkbox";
      return isBox ? input.checked !== input.defaultChecked : input.value !== input.defaultValue;
    });
  }

  edited(target) {
    if (target.dataset.kinds !== undefined) {
      this.showRules(target);
    }
    if (/^f\d+\.name$/.test(target.name)) {
      this.nameRow(target);
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(), PREVIEW_AFTER_MS);
  }

  /** Write the other name of a new field into the primary key; that of a field in the file follows when it is saved. */
  followName(input) {
    const row = input.closest(".field");
    if (!/^f\d+\.name$/.test(input.name) || row.querySelector('[name$=".was"]')?.value || !input.value.trim()) {
      return;
    }
    const former = row.dataset.named ?? input.defaultValue;
    row.dataset.named = input.value.trim();
    if (this.rows().some((each) => each.querySelector('[name$=".name"]').value.trim() === former)) {
      return;
    }
    const key = this.form.querySelector('[name="primary_key"]');
    const names = key.value.split(",").map((each) => each.trim());
    if (former && names.includes(former)) {
      key.value = names.map((each) => (each === former ? row.dataset.named : each)).join(", ");
    }
  }

  /** Say in the names of a row's buttons which field they are about. */
  nameRow(input) {
    const row = input.closest(".field");
    row.querySelector("legend").textContent = `Field ${input.value}`;
    row.querySelector("summary .visually-hidden").textContent = ` of ${input.value || "the new field"}`;
    for (const part of row.querySelectorAll("button .visually-hidden")) {
      part.textContent = ` ${input.value}`;
    }
  }

  /** Show the rules that the type of a row takes. */
  showRules(select) {
    const row = select.closest(".field");
    row.dataset.kind = this.kinds[select.value] ?? "";
    row.toggleAttribute("data-decimal", select.value.startsWith("decimal"));
  }

  clicked(event) {
    const button = event.target.closest("button");
    const link = event.target.closest('a[href^="#"]');
    if (link) {
      this.focus(link.getAttribute("href").slice(1), event);
    } else if (button?.hasAttribute("data-add")) {
      this.add(event);
    } else if (button?.hasAttribute("data-delete")) {
      this.remove(button.closest(".field"), event);
    } else if (button?.dataset.move) {
      this.move(button, event);
    }
  }

  focus(id, event) {
    const target = document.getElementById(id);
    if (target) {
      event.preventDefault();
      const details = target.closest("details");
      if (details) {
        details.open = true;
      }
      target.focus();
    }
  }

  rows() {
    return [...this.form.querySelectorAll("#rows > .field")];
  }

  add(event) {
    event.preventDefault();
    const number = Math.max(0, ...this.rows().map((row) => Number(row.dataset.row))) + 1;
    const row = document.getElementById("blank-row").content.firstElementChild.cloneNode(true);
    row.dataset.row = number;
    for (const part of row.querySelectorAll("[id], [name], [for], [value]")) {
      for (const name of ["id", "name", "for"]) {
        if (part.hasAttribute(name)) {
          part.setAttribute(name, part.getAttribute(name).replace(/^f0\./, `f${number}.`));
        }
      }
      if (part.name === "do") {
        part.value = part.value.replace(/:0$/, `:${number}`);
      }
    }
    document.getElementById("rows").append(row);
    row.querySelector("input:not([type=hidden])").focus();
  }

  /** Delete a row; the focus goes to the next one, to the last one behind the end, or to the button that adds one. */
  remove(row, event) {
    event.preventDefault();
    const heir = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (heir?.querySelector("input:not([type=hidden])") ?? this.form.querySelector("[data-add]")).focus();
    this.preview();
  }

  move(button, event) {
    event.preventDefault();
    const row = button.closest(".field");
    const other = button.dataset.move === "up" ? row.previousElementSibling : row.nextElementSibling;
    if (other && button.dataset.move === "up") {
      other.before(row);
    } else if (other) {
      other.after(row);
    }
    button.focus();
    this.preview();
  }

  async preview() {
    clearTimeout(this.timer);
    const asked = ++this.asked;
    const sent = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) {
      if (value !== "" || name === "yaml") {
        sent.append(name, value);
      }
    }
    const answer = await fetch(this.form.dataset.preview, { method: "POST", body: sent }).catch(() => null);
    if (asked !== this.asked) {
      return;
    }
    if (answer?.ok) {
      this.show(await answer.json());
    }
    const unreachable = new Error("The gateway cannot be reached");
    this.showTrouble(answer?.ok ? null : answer ? await errorOf(answer) : unreachable);
  }

  /** Say that the panels do not follow any more, and why. */
  showTrouble(error) {
    const stale = document.getElementById("stale");
    stale.hidden = !error;
    stale.querySelector("span").textContent = error ? `${error.message}.`.replace("..", ".") : "";
    stale.querySelector("[data-ended]").hidden = !(error instanceof SignedOutError);
  }

  show(panels) {
    const verdicts = JSON.parse(this.form.dataset.verdicts);
    const verdict = document.getElementById("verdict");
    if (verdict.textContent !== verdicts[panels.verdict]) {
      verdict.textContent = verdicts[panels.verdict];
    }
    verdict.className = `verdict ${panels.verdict}`;
    this.showErrors([...panels.problems, ...panels.findings]);
    this.showFindings(panels);
    this.showPlan(panels.plan);
    this.showText(panels);
    this.showFile(panels);
    this.showRemoved(panels.removed);
  }

  showErrors(found) {
    for (const shown of this.lastErrors) {
      shown.remove();
    }
    for (const input of this.form.querySelectorAll('[aria-invalid="true"]')) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
    this.lastErrors = new Set();
    for (const each of found) {
      const input = each.input && document.getElementById(each.input);
      if (input) {
        const id = `${each.input}-error${this.lastErrors.size + 1}`;
        const message = sentence(each.message) + (each.hint ? `; ${each.hint}` : "");
        const error = element("span", message, { id, class: "error" });
        input.parentElement.append(error);
        this.lastErrors.add(error);
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", `${input.getAttribute("aria-describedby") ?? ""} ${id}`.trim());
      }
    }
  }

  showFindings(panels) {
    const items = [];
    if (panels.refusal) {
      const text = `The form cannot write this into the file: ${panels.refusal}. Edit it as YAML.`;
      items.push(element("li", text, { class: "error" }));
    }
    for (const each of panels.problems) {
      items.push(this.item("error", each, each.message));
    }
    for (const each of panels.findings) {
      const item = this.item(each.level, each, each.message + (each.hint ? `; ${each.hint}` : ""));
      item.append(" ", element("code", each.code));
      if (each.fix) {
        item.append(" ", element("button", each.fix.label, { name: "do", value: each.fix.do }));
      }
      items.push(item);
    }
    document
      .getElementById("findings")
      .replaceChildren(...(items.length ? items : [element("li", "none", { class: "quiet" })]));
  }

  item(level, each, text) {
    const item = element("li", "", { class: level });
    if (each.input && document.getElementById(each.input)) {
      item.append(element("a", each.label, { href: `#${each.input}` }), ": ");
    } else if (each.place) {
      item.append(element("code", each.place), " ");
    }
    item.append(text);
    return item;
  }

  showPlan(entries) {
    const shown = [];
    for (const entry of entries) {
      const told = element("p");
      told.append(element("strong", entry.connector), `: ${entry.sentence}`);
      const list = element("ul");
      list.append(...entry.changes.map((change) => this.change(change)));
      shown.push(told, list);
    }
    document.getElementById("plan").replaceChildren(...shown);
  }

  change(change) {
    const text = sentence(change.sentence) + (change.reason ? `: ${change.reason}` : "");
    const item = element("li", text, { class: change.verdict });
    if (change.rows.length) {
      const rows = element("ul", "", { class: "rows" });
      for (const each of change.rows) {
        const row = element("li");
        row.append(element("code", each));
        rows.append(row);
      }
      item.append(rows);
    }
    if (change.hint) {
      item.append(element("p", sentence(change.hint), { class: "quiet" }));
    }
    if (change.ways.length) {
      const ways = element("p", "", { class: "ways" });
      for (const way of change.ways) {
        ways.append(
          way.do
            ? element("button", way.label, { name: "do", value: way.do })
            : element("a", way.label, { class: "button", href: `#${way.input}` }),
          " ",
        );
      }
      item.append(ways);
    }
    return item;
  }

  showText(panels) {
    const diff = document.getElementById("diff");
    const tags = { added: "ins", removed: "del" };
    const lines = panels.diff.map((line) => element(tags[line.kind] ?? "span", line.text));
    diff.replaceChildren(...(diff.hasAttribute("data-whole") ? [panels.text] : lines));
    document.getElementById("whole").textContent = panels.text;
  }

  /** Name the file, and lead with its text to git and to the forge. */
  showFile(panels) {
    for (const shown of this.form.querySelectorAll("[data-file]")) {
      shown.textContent = panels.file || shown.dataset.file;
    }
    const git = document.getElementById("git");
    git.hidden = !panels.git_commands;
    git.querySelector("pre").textContent = panels.git_commands;
    const forge = document.getElementById("forge");
    forge.hidden = !panels.forge;
    if (panels.forge) {
      forge.href = panels.forge;
    }
  }

  showRemoved(names) {
    const list = document.getElementById("removed");
    const items = (list ? names : []).map((name) => {
      const item = element("li", `Field ${name} is deleted. ${list.dataset.told} `);
      item.append(element("button", `Put back ${name}`, { name: "do", value: `restore:${name}` }));
      return item;
    });
    list?.replaceChildren(...items);
  }
}

for (const form of document.querySelectorAll("form.builder")) {
  new BuilderForm(form);
}

// -- the first rows of a new connector, as they arrive

const FOLLOW_EVERY_MS = 2000;

async function followRows(status) {
  const answer = document.hidden ? null : await fetch(status.dataset.follow).catch(() => null);
  if (answer?.ok) {
    const first = await answer.json();
    const told = first.count ? `${first.count.toLocaleString("en")} row${first.count === 1 ? "" : "s"}` : "none yet";
    if (status.textContent !== told) {
      status.textContent = told;
    }
    const rows = first.rows.map((cells) => {
      const row = element("tr");
      row.append(...cells.map((cell) => element("td", cell)));
      return row;
    });
    document.querySelector("#first-rows tbody").replaceChildren(...rows);
  }
  setTimeout(() => followRows(status), FOLLOW_EVERY_MS);
}

for (const status of document.querySelectorAll("[data-follow]")) {
  followRows(status);
}
