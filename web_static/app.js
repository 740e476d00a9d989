// What pages do beyond links and forms. All of them work without it.
"use strict";

// Times: the viewer's own zone, with UTC on hover.
const zoned = {
  "": new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  date: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
  time: new Intl.DateTimeFormat(undefined, { timeStyle: "short" }),
};

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-done])")) {
    time.textContent = zoned[time.dataset.only ?? ""].format(new Date(time.dateTime));
    time.dataset.done = "";
  }
  for (const option of root.querySelectorAll("option[data-at]:not([data-done])")) {
    option.textContent = option.textContent.replace(/[-\d]+ [:\d]+ UTC/, zoned[""].format(new Date(option.dataset.at)));
    option.dataset.done = "";
  }
}

function themeButton() {
  const button = document.getElementById("theme");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it holds until the next page */ }
  });
}

// A form is sent once, however often its button is pressed; after the back button it can be sent again.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  const form = event.target;
  setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
});
// What is chosen goes into the address, and no server takes one of any length.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.longest || (event.submitter?.formMethod || form.method) !== "get") return;
  if (new URLSearchParams(new FormData(form, event.submitter)).toString().length <= Number(form.dataset.longest)) return;
  event.preventDefault();
  const told = form.querySelector("[data-too-long]") ?? document.createElement("p");
  told.dataset.tooLong = "";
  told.className = "notice bad";
  told.tabIndex = -1;
  told.setAttribute("role", "alert");
  told.textContent = "These are too many paths for one address. Choose whole folders, or say which files by a pattern; afb and the API take 1,000 paths.";
  form.prepend(told);
  told.focus();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("form button")) button.disabled = false;
});

// Lists whose rows are links: j and k or the arrows move, Enter opens, x ticks, u goes up, / searches; a key of its own presses what has it.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
  if (!event.shiftKey && event.key.length === 1) {
    const keyed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (keyed) { event.preventDefault(); keyed.click(); return; }
  }
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select?.(); }
    return;
  }
  const list = document.querySelector("[data-keys]");
  if (!list) return;
  const links = [...list.querySelectorAll("[data-row]")];
  const at = links.indexOf(document.activeElement);
  const steps = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
  if (event.key in steps && links.length) {
    event.preventDefault();
    const next = at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + steps[event.key]));
    links[next].focus();
  } else if (event.key === "x" && at >= 0) {
    links[at].closest("tr").querySelector("input[type=checkbox]")?.click();
  } else if (event.key === "u" || event.key === "Backspace") {
    const up = document.querySelector("[data-up]");
    if (up) { event.preventDefault(); up.click(); }
  }
});

// A range beside a select of restore points: dragging it looks at each that it rests on.
function sliders(root) {
  for (const range of root.querySelectorAll("[hidden] > input[type=range][data-of]")) {
    const select = document.getElementById(range.dataset.of);
    let resting = 0;
    const told = () => range.setAttribute("aria-valuetext", select.selectedOptions[0].textContent);
    range.addEventListener("input", () => {
      select.selectedIndex = range.valueAsNumber;
      told();
      clearTimeout(resting);
      resting = setTimeout(() => select.dispatchEvent(new Event("change", { bubbles: true })), 150);
    });
    select.addEventListener("change", () => { range.value = select.selectedIndex; told(); });
    range.parentElement.hidden = false;
    told();
  }
}

// Rows that can be ticked: how many are, and one box for all.
function counted(form) {
  const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
  const ticked = boxes.filter((box) => box.checked).length;
  const told = form.querySelector("[data-count]");
  if (!told) return;
  told.dataset.none ??= told.textContent;
  told.textContent = ticked ? `${ticked} selected` : told.dataset.none;
  for (const button of form.querySelectorAll(".selected button")) button.disabled = !ticked;
  const all = form.querySelector("[data-all]");
  all.hidden = false;
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-selection]");
  if (!form || event.target.type !== "checkbox") return;
  if ("all" in event.target.dataset) for (const box of form.querySelectorAll("tbody input[type=checkbox]")) box.checked = event.target.checked;
  counted(form);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-clear]");
  if (button) document.getElementById(button.dataset.clear).replaceChildren();
});

// A button that unfolds something: what was fetched once is hidden and shown, with all that was chosen in it.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (!button) return;
  const folded = document.getElementById(button.getAttribute("aria-controls"));
  if (folded) { event.preventDefault(); folded.hidden = !folded.hidden; }
  button.setAttribute("aria-expanded", String(!folded?.hidden));
});

// A field that hides rows which do not have what was typed, of what is on the page; it is shown only where it works.
function filterRows(input) {
  const wanted = input.value.trim().toLowerCase();
  let shown = 0;
  for (const row of document.querySelectorAll(input.dataset.filter)) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
    if (!row.hidden) shown += 1;
  }
  return shown;
}
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-filter]")) say(`${filterRows(event.target)} shown`);
});

// Copies what an element holds.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  say("Copied");
});

// Lists of all time zones, and rows that can be added to a form: a copy of a template with the next number in its names.
function zonesAndRows() {
  for (const list of document.querySelectorAll("[data-time-zones]")) {
    list.replaceChildren(...["UTC", ...Intl.supportedValuesOf("timeZone")].map((zone) => new Option(zone, zone)));
  }
  for (const button of document.querySelectorAll("[data-add]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const rows = document.getElementById(button.dataset.add);
      const template = rows.parentElement.querySelector("template");
      const copy = document.createElement("div");
      copy.innerHTML = template.innerHTML.replaceAll("__n__", String(rows.children.length));
      const row = copy.firstElementChild;
      rows.append(row);
      row.querySelector("input")?.focus();
    });
  }
}

function say(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}

// What is wider than its place can be scrolled by keys.
function scrollable() {
  for (const wrap of document.querySelectorAll(".table-wrap")) {
    if (wrap.scrollWidth > wrap.clientWidth) wrap.tabIndex = 0; else wrap.removeAttribute("tabindex");
  }
}
addEventListener("resize", scrollable);

function arrived(root) {
  scrollable();
  localTimes(root);
  sliders(root);
  for (const form of document.querySelectorAll("[data-selection]")) counted(form);
  root.querySelector("[data-show]")?.scrollIntoView({ block: "nearest" });
  root.querySelector("[data-focus]")?.focus();
  for (const part of root.querySelectorAll("[data-if-script]")) part.hidden = false;
  for (const input of document.querySelectorAll("[data-filter]")) if (input.value) filterRows(input);
  const told = root.querySelector("[data-say]");
  if (told) say(told.dataset.say);
}

document.addEventListener("htmx:load", (event) => localTimes(event.detail.elt.parentElement ?? event.detail.elt));
document.addEventListener("htmx:afterSettle", (event) => arrived(event.detail.elt));
document.addEventListener("htmx:sendError", () => say("The app does not answer; trying again."));
document.addEventListener("DOMContentLoaded", () => { themeButton(); zonesAndRows(); arrived(document); });
