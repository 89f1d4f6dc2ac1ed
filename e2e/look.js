// What a person sees of the page. While a dialog is open, nothing else can be reached.
globalThis.look = {
  root: () => document.querySelector("dialog[open]") ?? document.body,
  name: (e) => (e.getAttribute("aria-label") || e.title || e.labels?.[0]?.innerText || e.innerText || "").trim().replace(/\s+/g, " "),
  things: () => [...look.root().querySelectorAll("button, a[href], summary, input:not([hidden]), select, textarea, [tabindex='0']")]
    .filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true })),

  // named finds the last thing with exactly this name, or else one that begins with it.
  named: (name) => {
    const things = look.things();
    const text = (e) => e.innerText?.trim().replace(/\s+/g, " ");
    return things.findLast((e) => look.name(e) === name || text(e) === name) ??
      things.findLast((e) => look.name(e).startsWith(name) || text(e)?.startsWith(name));
  },

  // isBefore tells whether a thing stands before the one that has the focus.
  isBefore: (name) => Boolean(document.activeElement.compareDocumentPosition(look.named(name)) & Node.DOCUMENT_POSITION_PRECEDING),

  // hit tells whether the last click reached what place was last asked for.
  hit: false,

  // place returns where a thing can be clicked; nothing if another covers it.
  place: (name) => {
    const e = look.named(name);
    if (!e) return { x: 0, y: 0 };
    look.hit = false;
    e.addEventListener("click", () => { look.hit = true; }, { capture: true, once: true });
    e.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const box = e.getBoundingClientRect();
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    const top = document.elementFromPoint(x, y);
    return top && (e.contains(top) || top.contains(e) && e.labels?.[0]?.contains(top)) ? { x, y } : { x: 0, y: 0 };
  },

  sees: (text) => {
    const flat = (t) => t.replace(/\s+/g, " ");
    return flat(document.body.innerText).includes(flat(text));
  },

  choose: (label, option) => {
    const e = look.named(label);
    const wanted = [...(e?.options ?? [])].find((o) => o.text === option);
    if (!wanted) return false;
    e.focus();
    e.value = wanted.value;
    e.dispatchEvent(new Event("input", { bubbles: true }));
    e.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  },

  // drop drops a small picture on the conversation, as from the desktop.
  drop: (name) => {
    const bytes = Uint8Array.from(atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="), (c) => c.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type: "image/png" }));
    for (const kind of ["dragenter", "dragover", "drop"]) {
      document.querySelector(".log-frame, .empty").dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
  },

  // wider returns what is cut off at the right.
  wider: () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
};
