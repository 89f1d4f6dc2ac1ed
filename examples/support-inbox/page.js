// The page works without this script. With it, conversations arrive by themselves, and Enter sends.

const $ = (id) => document.getElementById(id);

// refresh gets the page once more, and takes over what is new in it. What the agent writes stays.
let running = false, again = false;
async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    do {
      again = false;
      // Nobody looks at a hidden page, so it does not mark its conversation as read.
      const answer = await fetch(location.href, { headers: document.hidden ? { Peek: "1" } : {} });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.getElementById("list")) continue; // not the inbox: an error of something in between
      document.title = page.title;
      for (const id of ["unread", "channels", "problem", "older"]) {
        if ($(id) && $(id).innerHTML !== page.getElementById(id)?.innerHTML) $(id).replaceChildren(...page.getElementById(id)?.childNodes ?? []);
      }
      for (const id of ["list", "messages"]) {
        if ($(id)) merge($(id), page.getElementById(id) ?? $(id));
      }
    } while (again);
  } catch {
    // the event source says so, and calls again
  } finally {
    running = false;
  }
}

// merge makes the children of a list those of another one. Elements that stay keep the focus.
function merge(list, next) {
  const focus = document.activeElement?.closest("li")?.id;
  for (const e of [...list.children]) {
    if (!next.querySelector("#" + CSS.escape(e.id))) e.remove();
  }
  [...next.children].forEach((e, i) => {
    const old = $(e.id);
    if (!old?.isEqualNode(e)) {
      old?.remove();
      list.insertBefore(e, list.children[i] ?? null);
    } else if (list.children[i] !== old) {
      list.insertBefore(old, list.children[i] ?? null);
    }
  });
  const li = focus && $(focus);
  if (li && !li.contains(document.activeElement)) li.querySelector("a")?.focus();
}

const changes = new EventSource("/changes");
changes.onopen = () => {
  $("offline").hidden = true;
  refresh();
};
changes.onmessage = refresh;
changes.onerror = () => { $("offline").hidden = false; };
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });

// Enter sends, and Shift+Enter begins a line, where there is a keyboard.
const field = document.querySelector("textarea");
field?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || matchMedia("(pointer: coarse)").matches) return;
  event.preventDefault();
  field.form.requestSubmit();
});
