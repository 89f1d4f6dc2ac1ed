// The middle: a user's conversation, as the user or as the business sees it.

import { attempt, choice, fill, h, hiddenText, icon, menu, reconcile, say, set, setText } from "./dom.js";
import { business, control, userPath } from "./api.js";
import { channelName, clockTime, dayName, initials } from "./format.js";
import { currentApp, currentUser, drawNow, loadOlder, now, state } from "./store.js";
import { bubble, fate, quickReplies } from "./message.js";
import { composer } from "./composer.js";
import { askLocation, askReferral, newUser } from "./people.js";
import { connect } from "./top.js";

const play = (verb, body = {}) => control("POST", `${userPath(state.appId, state.userId)}/${verb}`, body);

const act = {
  tap: (action, button) => attempt(async () => {
    button.disabled = true;
    try {
      await play("tap", { actionId: action._id });
      say(`Tapped “${action.text ?? action.type}”`);
    } finally {
      button.disabled = false;
    }
  }),
  answer: (message, fields, button) => attempt(async () => {
    button.disabled = true;
    try {
      await play("answer", { messageId: message._id, fields });
    } finally {
      button.disabled = false;
    }
  }),
  locate: askLocation,
};

const head = h("header", { class: "pane-head chat-head" });
const sides = choice("Whose side", [["user", "User"], ["business", "Business"]], state.view, (view) => {
  state.view = view;
  sticking = true;
  drawNow();
});
const older = h("button", { type: "button", class: "button quiet older", onclick: () => attempt(showOlder) }, "Show older messages");
const list = h("ol", { class: "messages" });
const typing = h("p", { class: "typing", hidden: true }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", {}));
const replies = h("div", {});
const log = h("div", { class: "log", role: "log", tabindex: "0", "aria-label": "Messages" }, older, list, replies, typing);
const bottom = h("button", { type: "button", class: "to-bottom", hidden: true, onclick: () => stick(true) }, "Newest messages");
const empty = h("div", { class: "empty" });
const unread = h("div", { class: "unread", hidden: true });
const foot = h("footer", { class: "chat-foot" }, unread);
const compose = composer();
foot.append(compose.element);

let sticking = true, lastTop = 0, shownUser, drawnView;

function stick(smooth = false) {
  sticking = true;
  log.scrollTo({ top: log.scrollHeight, behavior: smooth ? "smooth" : "instant" });
}

async function showOlder() {
  const height = log.scrollHeight, top = log.scrollTop;
  sticking = false;
  await loadOlder();
  requestAnimationFrame(() => requestAnimationFrame(() => { log.scrollTop = top + log.scrollHeight - height; }));
}

export function startChat(pane) {
  fill(pane, head, empty, h("div", { class: "log-frame" }, log, bottom), foot);
  log.addEventListener("scroll", () => {
    // Only a person scrolls up: what grows below does not end the sticking.
    const near = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    if (near) sticking = true;
    else if (log.scrollTop < lastTop - 1) sticking = false;
    lastTop = log.scrollTop;
    bottom.hidden = sticking;
  });
  // Pictures that load late and a window that changes keep the newest message in view.
  const observer = new ResizeObserver(() => { if (sticking) stick(); });
  observer.observe(list);
  observer.observe(log);
  for (const kind of ["dragenter", "dragover"]) {
    pane.addEventListener(kind, (e) => {
      if (!e.dataTransfer?.types.includes("Files") || !state.userId) return;
      e.preventDefault();
      pane.classList.add("dropping");
    });
  }
  pane.addEventListener("dragleave", (e) => { if (!pane.contains(e.relatedTarget)) pane.classList.remove("dropping"); });
  pane.addEventListener("drop", (e) => {
    pane.classList.remove("dropping");
    if (!e.dataTransfer?.files.length || !state.userId) return;
    e.preventDefault();
    compose.sendFiles(e.dataTransfer.files);
  });
}

export function drawChat() {
  const user = currentUser();
  const version = JSON.stringify([user?.id, user?.displayName, user?.userId, primary(user)?.type]);
  if (version !== drawnView) {
    drawnView = version;
    drawHead(user);
  }
  sides.select(state.view);
  if (user?.id !== shownUser) {
    shownUser = user?.id;
    sticking = true;
  }
  drawEmpty(user);
  older.hidden = !state.older;
  foot.hidden = !user;
  drawMessages(user);
  drawTyping(user);
  drawUnread(user);
  compose.draw();
  if (sticking) stick();
}

const primary = (user) => user?.channels.find((c) => c.primary) ?? user?.channels[0];

function drawHead(user) {
  if (!user) {
    fill(head, h("h2", {}, "Conversation"));
    return;
  }
  const over = primary(user);
  const facts = [user.userId, over ? `over ${channelName(over.type)}` : "no channel yet"].filter(Boolean).join(" · ");
  fill(head,
    h("span", { class: "avatar", "aria-hidden": "true" }, initials(user.displayName)),
    h("div", { class: "who" }, h("h2", {}, user.displayName), h("p", {}, facts)),
    sides,
    menu("More that the user does", icon("more"), [
      { icon: "chat", text: "Start the conversation", hint: "conversation:start", run: () => attempt(async () => { await play("start"); say("Started"); }) },
      { icon: "external", text: "Come through a referral…", hint: "conversation:referral", run: askReferral },
      { icon: "pin", text: "Share a location…", run: askLocation },
      { icon: "check", text: "Read all messages", hint: "conversation:read", run: () => attempt(() => play("read")) },
    ]));
}

function drawEmpty(user) {
  const kind = !state.loaded ? "wait" : !user ? "nobody" : state.messages.length === 0 ? `hello ${user.id} ${state.view}` : "";
  log.parentElement.hidden = kind !== "";
  empty.hidden = kind === "";
  if (empty.dataset.kind === kind) return;
  empty.dataset.kind = kind;
  if (kind === "nobody") {
    fill(empty, h("span", { class: "empty-mark" }, icon("people")), h("h3", {}, "Nobody is here yet"),
      h("p", {}, "Make a user, and write to your bot as that person."),
      h("div", { class: "row" }, h("button", { type: "button", class: "button primary", onclick: newUser }, "New user"),
        h("button", { type: "button", class: "button", onclick: connect }, "Connect your bot")));
  } else if (kind.startsWith("hello")) {
    const webhooks = currentApp()?.webhooks.length ?? 0;
    fill(empty, h("span", { class: "empty-mark" }, icon("chat")), h("h3", {}, state.view === "user" ? `Say hello as ${user.displayName}` : `Write to ${user.displayName}`),
      h("p", {}, webhooks ? "Your bot is told of it in an event, and what it answers appears here." : "No bot listens yet. Connect one, and what it answers appears here."),
      webhooks ? null : h("div", { class: "row" }, h("button", { type: "button", class: "button", onclick: connect }, "Connect your bot")));
  } else {
    fill(empty);
  }
}

// Messages of one side within a minute stand close together; a time stands where there was a pause.
const pause = 10 * 60, together = 60;

function drawMessages(user) {
  const side = state.view;
  const conversation = user?.conversation;
  const lastOf = (role) => state.messages.findLast((m) => (m.role === "appUser") === (role === "appUser"))?._id;
  const lastUser = lastOf("appUser"), lastBusiness = lastOf("appMaker");
  const items = state.messages.map((message, i) => {
    const before = state.messages[i - 1], after = state.messages[i + 1];
    const near = (a, b) => a && b && a.role === b.role && Math.abs(b.received - a.received) < together;
    const date = new Date(message.received * 1000);
    const newDay = !before || new Date(before.received * 1000).toDateString() !== date.toDateString();
    const mine = (message.role === "appUser") === (side === "user");
    return {
      message, mine,
      first: !near(before, message), last: !near(message, after),
      heading: newDay || message.received - before.received > pause ? heading(date, newDay) : null,
      mark: readMark(message, conversation, lastUser, lastBusiness),
    };
  });
  reconcile(list, items, {
    key: ({ message }) => message._id,
    version: (i) => JSON.stringify([side, i.message, i.first, i.last, i.heading, i.mark]),
    make: (i) => makeMessage(i, side),
    update: (node, i) => updateMessage(node, i, side),
  });
  const last = state.messages.at(-1);
  const key = JSON.stringify([last?._id, last?.actions, side]);
  if (replies.dataset.key !== key) {
    replies.dataset.key = key;
    fill(replies, last && quickReplies(last, side, act));
  }
}

function heading(date, newDay) {
  if (!newDay) return clockTime(date);
  const today = date.toDateString() === now().toDateString();
  return `${today ? "Today" : dayName(date)}, ${clockTime(date)}`;
}

function readMark(message, conversation, lastUser, lastBusiness) {
  if (message._id === lastUser && conversation?.appMakerLastRead >= message.received) return "Read by the business";
  if (message._id === lastBusiness) {
    if (conversation?.appUserLastRead >= message.received) return "Read";
    if ((message.deliveries ?? []).some((d) => d.status === "delivered")) return "Delivered";
  }
  return null;
}

// A message is what stands above its bubble, the bubble, and what stands below. The bubble is drawn
// anew only if its content changes: a form keeps the focus and what is entered in it.
function makeMessage(item, side) {
  const node = h("li", {}, h("div", {}), h("div", {}), h("div", { class: "below" }));
  updateMessage(node, item, side);
  return node;
}

function updateMessage(node, { message, mine, first, last, heading, mark }, side) {
  const { deliveries, ...content } = message;
  const version = JSON.stringify([content, side]);
  if (node.bubbleVersion !== version) {
    node.bubbleVersion = version;
    node.children[1].replaceWith(bubble(message, side, act));
  }
  const failures = fate(message);
  node.className = ["message", mine ? "mine" : "theirs", first && "first", last && "last", failures.length > 0 && "failed"].filter(Boolean).join(" ");
  const author = message.role === "appUser" ? "The user" : message.name || "The business";
  const named = first && !mine && message.role !== "appUser" && message.name;
  fill(node.firstChild,
    heading ? h("p", { class: "time-heading" }, heading) : null,
    named ? h("p", { class: "author" }, message.name) : hiddenText(`${author}: `));
  fill(node.lastChild, failures,
    last || mark ? h("p", { class: "meta" }, clockTime(new Date(message.received * 1000)), mark ? ` · ${mark}` : null,
      message.role === "whisper" ? " · whisper" : null) : null);
}

function drawTyping(user) {
  const types = user && performance.now() < (state.view === "user" ? state.typing.appMaker : state.typing.appUser);
  set(typing, { hidden: !types });
  if (types) setText(typing.lastChild, state.view === "user" ? "The business is typing" : `${user.displayName} is typing`);
}

function drawUnread(user) {
  const conversation = user?.conversation;
  const lastUser = state.messages.findLast((m) => m.role === "appUser");
  const waits = state.view === "user" ? conversation?.unreadCount ?? 0
    : Number(lastUser !== undefined && !(conversation?.appMakerLastRead >= lastUser.received));
  const key = `${state.view} ${waits} ${user?.id}`;
  if (unread.dataset.key === key) return;
  unread.dataset.key = key;
  unread.hidden = waits === 0;
  const what = state.view === "user" ? `${waits} unread` : "Not read by the business";
  fill(unread, h("span", {}, what), h("button", { type: "button", class: "button quiet", onclick: () => attempt(markRead) }, "Mark as read"));
}

const markRead = () => (state.view === "user" ? play("read")
  : business("POST", state.appId, `appusers/${encodeURIComponent(state.userId)}/conversation/activity`,
    { role: "appMaker", type: "conversation:read" }));
