// Building and updating elements. Text only ever becomes text nodes and attributes: nothing in the
// page parses HTML, and the Content-Security-Policy (require-trusted-types-for) forbids it.

// h makes an element. Properties that start with "on" are listeners, true and false set and leave
// out an attribute, everything else is an attribute. Children are nodes and texts; null is left out.
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  set(element, properties);
  element.append(...flat(children));
  return element;
}

export function set(element, properties) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

function flat(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false)
    .map((c) => (c instanceof Node ? c : String(c)));
}

// fill replaces the children of an element.
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
}

// setText changes a text only if it differs, so that screen readers are not told again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// reconcile makes the children of a parent those of the items, in their order. A node is kept while
// key and version stay the same, and so are its focus, its scroll position and what is entered in it.
// With update a node with another version is changed instead of made anew.
export function reconcile(parent, items, { key, version, make, update }) {
  const entries = (parent.entriesByKey ??= new Map());
  const wanted = new Set(items.map(key));
  for (const [k, entry] of entries) {
    if (wanted.has(k)) continue;
    entry.node.remove();
    entries.delete(k);
  }
  let next = parent.firstChild;
  for (const item of items) {
    const k = key(item), v = version(item), entry = entries.get(k);
    if (entry?.version === v) {
      if (entry.node === next) next = next.nextSibling;
      else parent.insertBefore(entry.node, next);
      continue;
    }
    if (entry && update) {
      update(entry.node, item);
      entry.version = v;
      if (entry.node === next) next = next.nextSibling;
      else parent.insertBefore(entry.node, next);
      continue;
    }
    const node = make(item);
    if (entry?.node === next) next = next.nextSibling;
    entry?.node.remove();
    parent.insertBefore(node, next);
    entries.set(k, { node, version: v });
  }
}

const icons = {
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  chat: "M12 4c-5 0-8.500 3.200-8.500 7.300 0 2.400 1.200 4.400 3.100 5.700V20l3.200-1.700c.7.100 1.400.200 2.200.200 5 0 8.500-3.200 8.500-7.300S17 4 12 4Z",
  check: "M5 12.500l4.500 4.500L19 7.500",
  clock: "M12 7.500V12l3 2M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17Z",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  external: "M10 5H5v14h14v-5M14 4.500h5.500V10M19 5l-8.500 8.500",
  file: "M6.500 3.500h7l4.500 4.500v12.500h-11.500zM13 3.500V8.500h5",
  incoming: "M17 7L7 17M7 9v8h8",
  outgoing: "M7 17L17 7M9 7h8v8",
  list: "M4 6.500h16M4 12h16M4 17.500h10",
  more: "M5.500 11.500h.01v1h-.01zM12 11.500h.01v1h-.01zM18.500 11.500h.01v1h-.01z",
  people: "M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM2.500 19.500c.5-3.500 3-5.500 6.500-5.500s6 2 6.500 5.500M16 5a3.500 3.500 0 0 1 0 6.500M18 14.500c2 .700 3.200 2.400 3.500 5",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 2.500-2.500L20 17M15.500 9.500h.01",
  pin: "M12 21s7-6.200 7-11.500A7 7 0 0 0 5 9.500C5 14.800 12 21 12 21ZM12 12a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
  plug: "M9 3.500v5M15 3.500v5M6 8.500h12v3.500a6 6 0 0 1-12 0zM12 18v3",
  reset: "M4.500 12a7.500 7.500 0 1 0 2.500-5.600M4.500 4v4.500H9",
  send: "M5 12h13M12.500 6l6 6-6 6",
  warning: "M12 4.500l9 15.500H3zM12 10.500v4M12 17.200h.01",
};

// icon makes a picture that stands beside a text and is hidden from screen readers.
export function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg"), path = document.createElementNS(ns, "path");
  set(svg, { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" });
  path.setAttribute("d", icons[name]);
  svg.append(path);
  return svg;
}

// hiddenText is read out, but not shown.
export function hiddenText(text) {
  return h("span", { class: "visually-hidden" }, text);
}

// safeLink returns a URL that a link may lead to, or null: never a script.
export function safeLink(url) {
  try {
    const parsed = new URL(url, location.href);
    return ["http:", "https:", "mailto:", "tel:"].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

// say shows a short text for a while, and has it read out. What is seen elsewhere is only read out.
export function say(text, kind = "note") {
  const toast = h("p", { class: kind === "heard" ? "visually-hidden" : `toast ${kind}` }, kind === "problem" ? icon("warning") : null, h("span", {}, text));
  const toasts = document.getElementById("toasts");
  toasts.append(toast);
  while (toasts.children.length > 3) toasts.firstChild.remove();
  setTimeout(() => toast.remove(), kind === "problem" ? 8000 : 3000);
}

// attempt runs what a person has asked for, and shows why it failed. It returns whether it did not.
export async function attempt(action) {
  try {
    await action();
    return true;
  } catch (error) {
    say(error.message, "problem");
    return false;
  }
}

export async function copy(text, what) {
  await attempt(async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https, or where it is forbidden, the old way still works.
      const area = h("textarea", { class: "visually-hidden", "aria-hidden": "true", tabindex: "-1" });
      area.value = text;
      (document.querySelector("dialog[open]") ?? document.body).append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      if (!copied) throw new Error("The browser did not allow copying.");
    }
    say(`${what} copied`);
  });
}

// menu is a button that opens a list of choices. Escape, a choice and a click elsewhere close it.
export function menu(label, content, choices, properties = {}) {
  const panel = h("ul", { class: "menu-panel" }, choices.map((choice) => choice && h("li", {},
    h("button", { type: "button", onclick: () => { close(); details.firstChild.focus(); choice.run(); } },
      choice.icon ? icon(choice.icon) : null, h("span", {}, choice.text, choice.hint ? h("small", {}, choice.hint) : null)))));
  const details = h("details", { class: "menu", ...properties }, h("summary", { class: "button quiet", "aria-label": label, title: label }, content), panel);
  const close = () => { details.open = false; };
  details.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && details.open) { close(); details.querySelector("summary").focus(); e.stopPropagation(); }
    if ((e.key === "ArrowDown" || e.key === "ArrowUp") && details.open) {
      e.preventDefault();
      const buttons = [...panel.querySelectorAll("button")];
      const at = buttons.indexOf(document.activeElement);
      buttons.at(e.key === "ArrowDown" ? (at + 1) % buttons.length : Math.max(at, 0) - 1).focus();
    }
  });
  details.addEventListener("focusout", (e) => { if (e.relatedTarget && !details.contains(e.relatedTarget)) close(); });
  return details;
}

document.addEventListener("click", (e) => {
  for (const open of document.querySelectorAll("details.menu[open]")) if (!open.contains(e.target)) open.open = false;
});

// dialog shows a form over the page. submit gets what was entered; if it throws, the reason is shown
// and the dialog stays. It may return what is to be done once the dialog is closed.
export function dialog(title, { text, content = [], action, submit, wide = false }) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const titleId = "dialog-title";
  const form = h("form", { method: "dialog" },
    h("header", {}, h("h2", { id: titleId, tabindex: "-1" }, title),
      h("button", { type: "button", class: "button quiet icon-only", onclick: () => box.close() }, icon("close"), hiddenText("Close"))),
    text ? h("p", { class: "lead" }, text) : null,
    content,
    problem,
    action ? h("footer", {}, h("button", { type: "button", class: "button", onclick: () => box.close() }, "Cancel"),
      h("button", { type: "submit", class: "button primary" }, action)) : null);
  const box = h("dialog", { class: wide ? "wide" : null, "aria-labelledby": titleId }, form);
  let busy = false;
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    if (!submit || busy) return;
    busy = true;
    problem.hidden = true;
    try {
      const then = await submit(Object.fromEntries(new FormData(form)));
      box.close();
      if (typeof then === "function") then();
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error.message;
    }
    busy = false;
  });
  box.addEventListener("click", (e) => { if (e.target === box) box.close(); });
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  ((!wide && box.querySelector(".field input, .field select, .presets button")) || box.querySelector("h2")).focus();
  return box;
}

let fields = 0;

// field is a labelled input.
export function field(label, input, hint) {
  const id = `field-${++fields}`;
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), input,
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null);
}

// choice is a row of buttons of which one is pressed. Its select presses another.
export function choice(label, options, selected, pick) {
  const buttons = new Map(options.map(([value, text]) => [value, h("button", { type: "button", onclick: () => pick(value) }, text)]));
  const group = h("div", { class: "segments", role: "group", "aria-label": label }, [...buttons.values()]);
  group.select = (chosen) => {
    for (const [value, button] of buttons) set(button, { "aria-pressed": String(value === chosen) });
  };
  group.select(selected);
  return group;
}
