// On narrow screens one part of the page is shown at a time.

import { fill, h, icon } from "./dom.js";

const parts = [["people", "People", "people"], ["chat", "Chat", "chat"], ["activity", "Activity", "list"]];
const buttons = new Map();

export function startTabs(nav) {
  fill(nav, parts.map(([pane, label, mark]) => {
    const button = h("button", { type: "button", onclick: () => showPane(pane) }, icon(mark), h("span", {}, label));
    buttons.set(pane, button);
    return button;
  }));
  showPane("chat");
}

export function showPane(pane) {
  document.documentElement.dataset.pane = pane;
  for (const [name, button] of buttons) {
    if (name === pane) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}
