// The left: apps, the users of one, and the channels of one of them.

import { attempt, dialog, field, fill, h, hiddenText, icon, menu, reconcile, say, set } from "./dom.js";
import { appPath, control, userPath } from "./api.js";
import { channelName, clockTime, initials } from "./format.js";
import { currentApp, currentUser, loadMoreUsers, selectApp, selectUser, state } from "./store.js";
import { summary } from "./message.js";
import { showPane } from "./tabs.js";

const apps = h("select", { id: "app", onchange: () => attempt(() => selectApp(apps.value)) });
const users = h("ul", { class: "users" });
const noUsers = h("p", { class: "none" }, "No users yet.");
const moreUsers = h("button", { type: "button", class: "button quiet", onclick: () => attempt(loadMoreUsers) }, "Show more users");
const channels = h("ul", { class: "channels" });
const noChannels = h("p", { class: "none" });
const channelPart = h("section", { class: "part", "aria-labelledby": "channels-title" },
  partHead("channels-title", "Channels", "New channel", newChannel), channels, noChannels);

function partHead(id, title, label, run) {
  return h("header", {}, h("h2", { id }, title),
    h("button", { type: "button", class: "button quiet icon-only", title: label, onclick: run }, icon("add"), hiddenText(label)));
}

export function startPeople(pane) {
  fill(pane,
    h("section", { class: "part" },
      h("header", {}, h("h2", {}, h("label", { for: "app" }, "App")),
        h("button", { type: "button", class: "button quiet icon-only", title: "New app", onclick: newApp }, icon("add"), hiddenText("New app"))),
      apps),
    h("section", { class: "part grow", "aria-labelledby": "users-title" },
      partHead("users-title", "Users", "New user", newUser), noUsers, users, moreUsers),
    channelPart);
}

export function drawPeople() {
  reconcile(apps, state.apps, {
    key: (a) => a.id, version: (a) => a.name,
    make: (a) => h("option", { value: a.id }, a.name),
  });
  apps.value = state.appId ?? "";
  reconcile(users, state.users, {
    key: (u) => u.id,
    version: (u) => JSON.stringify([u.displayName, u.id === state.userId, u.conversation?.unreadCount, u.lastMessage?._id, u.lastMessage?.text]),
    make: (u) => drawUser(h("li", {}, h("button", { type: "button", class: "user",
      onclick: () => { attempt(() => selectUser(u.id)); showPane("chat"); } })), u),
    update: drawUser,
  });
  noUsers.hidden = state.users.length > 0 || !state.loaded;
  moreUsers.hidden = !state.moreUsers;
  drawChannels();
}

function drawUser(node, user) {
  const last = user.lastMessage, unread = user.conversation?.unreadCount ?? 0;
  const button = node.firstChild;
  set(button, { "aria-current": user.id === state.userId ? "true" : null });
  fill(button,
    h("span", { class: "avatar", "aria-hidden": "true" }, initials(user.displayName)),
    h("span", { class: "user-text" }, h("span", { class: "user-name" }, user.displayName),
      h("span", { class: "user-last" }, last ? `${last.role === "appUser" ? "" : "Bot: "}${summary(last)}` : user.userId || "No messages yet")),
    h("span", { class: "user-side" }, last ? h("span", { class: "user-time" }, clockTime(new Date(last.received * 1000))) : null,
      unread ? h("span", { class: "badge" }, unread, hiddenText(" unread")) : null));
  return node;
}

const statuses = {
  active: "", pending: "waits for the user", blocked: "blocked by the user", inactive: "opted out",
};

function drawChannels() {
  const user = currentUser();
  channelPart.hidden = !user;
  if (!user) return;
  reconcile(channels, user.channels, {
    key: (c) => c.id, version: (c) => JSON.stringify([user.id, c.type, c.status, c.primary]),
    make: (c) => h("li", { class: `channel ${c.status}` },
      h("span", { class: "channel-name" }, channelName(c.type), h("small", {}, statuses[c.status] || (c.primary ? "used last" : ""))),
      menu(`What the user does on ${channelName(c.type)}`, icon("more"), channelActions(user, c))),
  });
  noChannels.hidden = user.channels.length > 0;
  noChannels.textContent = `${user.displayName} has none yet.`;
}

function channelActions(user, channel) {
  const play = (verb, done, text) => ({
    text, run: () => attempt(async () => {
      await control("POST", `${userPath(user.appId, user.id)}/${verb}`, { channel: channel.integrationId || channel.type });
      say(done);
    }),
  });
  if (channel.status === "pending") {
    return [play("join", "Confirmed", "Confirm the link"), play("decline", "Refused", "Refuse the link")];
  }
  const name = channelName(channel.type);
  return [
    play("read", "Read", `Read the messages on ${name}`),
    play("optout", `Opted out of ${name}`, "Opt out of messages"),
    play("block", `Blocked on ${name}`, "Block the business"),
  ];
}

const text = (name, properties = {}) => h("input", { type: "text", name, autocomplete: "off", dir: "auto", ...properties });

function newApp() {
  dialog("New app", {
    text: "It gets a key of its own. Users, webhooks and channels belong to one app.",
    content: [field("Name", text("name", { required: true, placeholder: "Bicycle shop" }))],
    action: "Make the app",
    submit: async ({ name }) => {
      const { app } = await control("POST", "apps", { name });
      await selectApp(app.id);
    },
  });
}

function channelSelect(types, none) {
  return h("select", { name: "channel" }, none ? h("option", { value: "" }, none) : null,
    types.map((t) => h("option", { value: t, selected: none && t === "web" }, channelName(t))));
}

export function newUser() {
  const app = currentApp();
  dialog("New user", {
    content: [
      h("div", { class: "field-row" }, field("First name", text("givenName", { required: true, placeholder: "Ida" })),
        field("Last name", text("surname", { placeholder: "Lind" }))),
      field("Comes over", channelSelect(app?.channelTypes ?? [], "No channel yet"), "The first channel. More can follow."),
      field("Your own id for the user", text("userId", { placeholder: "ida@example.com" }), "Optional: what your system calls the person."),
    ],
    action: "Make the user",
    submit: async (entered) => {
      const body = Object.fromEntries(Object.entries(entered).filter(([, value]) => value.trim()));
      if (!body.channel && !body.userId) throw new Error("A user who comes over no channel needs an id of your own.");
      const { user } = await control("POST", `${appPath(state.appId)}/users`, body);
      await selectUser(user.id);
      return () => {
        showPane("chat");
        // The conversation is drawn in the frame that comes next.
        requestAnimationFrame(() => document.querySelector(".composer textarea").focus());
      };
    },
  });
}

function newChannel() {
  const user = currentUser();
  const own = user.channels.map((c) => c.type);
  const types = (currentApp()?.channelTypes ?? []).filter((t) => !own.includes(t));
  if (types.length === 0) {
    say("The user is on every channel already.");
    return;
  }
  dialog("New channel", {
    text: `${user.displayName} comes over another channel, too, and goes on with the same conversation.`,
    content: [field("Channel", channelSelect(types))],
    action: "Join",
    submit: ({ channel }) => control("POST", `${userPath(user.appId, user.id)}/join`, { channel }),
  });
}

export function askLocation() {
  const { appId, userId } = state;
  dialog("Share a location", {
    content: [h("div", { class: "field-row" },
      field("Latitude", h("input", { type: "number", name: "lat", step: "any", min: "-90", max: "90", required: true, value: "45.5017" })),
      field("Longitude", h("input", { type: "number", name: "long", step: "any", min: "-180", max: "180", required: true, value: "-73.5673" })))],
    action: "Share",
    submit: ({ lat, long }) => control("POST", `${userPath(appId, userId)}/location`, { lat: Number(lat), long: Number(long) }),
  });
}

export function askReferral() {
  const { appId, userId } = state;
  dialog("Come through a referral", {
    text: "As when the user scans a code or taps an advertisement.",
    content: [field("Code", text("code", { required: true, placeholder: "spring-sale" }))],
    action: "Come",
    submit: ({ code }) => control("POST", `${userPath(appId, userId)}/start`, { referral: { code } }),
  });
}
