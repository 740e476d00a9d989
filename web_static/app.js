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
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("form button")) button.disabled = false;
});

// Lists whose rows are links: j and k or the arrows move, Enter opens, u goes up, / searches.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
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
  } else if (event.key === "u" || event.key === "Backspace") {
    const up = document.querySelector("[data-up]");
    if (up) { event.preventDefault(); up.click(); }
  }
});

// A button that unfolds something: what was fetched once is hidden and shown, with all that was chosen in it.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (!button) return;
  const folded = document.getElementById(button.getAttribute("aria-controls"));
  if (folded) { event.preventDefault(); folded.hidden = !folded.hidden; }
  button.setAttribute("aria-expanded", String(!folded?.hidden));
});

// Copies what an element holds.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  say("Copied");
});

function say(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}

function arrived(root) {
  localTimes(root);
  root.querySelector("[data-focus]")?.focus();
  const told = root.querySelector("[data-say]");
  if (told) say(told.dataset.say);
}

document.addEventListener("htmx:load", (event) => localTimes(event.detail.elt.parentElement ?? event.detail.elt));
document.addEventListener("htmx:afterSettle", (event) => arrived(event.detail.elt));
document.addEventListener("htmx:sendError", () => say("The app does not answer; trying again."));
document.addEventListener("DOMContentLoaded", () => { themeButton(); arrived(document); });
