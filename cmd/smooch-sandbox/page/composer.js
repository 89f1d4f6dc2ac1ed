// Where a person writes: as the user, or as the business.

import { attempt, fill, h, hiddenText, icon, menu, say, set } from "./dom.js";
import { business, control, dataURL, userPath } from "./api.js";
import { channelName } from "./format.js";
import { currentApp, currentUser, state } from "./store.js";
import { askLocation } from "./people.js";
import { samples } from "./samples.js";

const typingStops = 3000; // milliseconds after the last key

export function composer() {
  const input = h("textarea", { rows: "1", dir: "auto", "aria-label": "Message", enterkeyhint: "send" });
  const channel = h("select", { "aria-label": "Over which channel", title: "Over which channel the user writes" });
  const send = h("button", { type: "submit", class: "button primary icon-only", title: "Send" }, icon("send"), hiddenText("Send"));
  const files = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files to send", id: "files" });
  const more = h("div", {});
  const form = h("form", { class: "composer" }, more, input, channel, send, files);
  const drafts = new Map();
  let shown = "", typing = null, typingFor = null, told = Promise.resolve();

  const grow = () => {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
  };

  const chosenChannel = () => (channel.value ? { channel: channel.value } : {});
  const play = (verb, body, userId = state.userId) => control("POST", `${userPath(state.appId, userId)}/${verb}`, body);
  const conversation = (path, body, userId = state.userId) =>
    business("POST", state.appId, `appusers/${encodeURIComponent(userId)}/${path}`, body);

  // tellTyping says that the person types, or no longer does. A bot hears in order what a user does.
  function tellTyping(types) {
    clearTimeout(typing);
    const before = typingFor;
    typing = types ? setTimeout(() => tellTyping(false), typingStops) : null;
    typingFor = types ? { view: state.view, userId: state.userId } : null;
    const target = before ?? typingFor;
    if (!target || (before && types)) return;
    const ignored = () => {}; // sending will show what is wrong
    if (target.view === "user") {
      const over = chosenChannel();
      told = told.then(() => play("type", { typing: types, ...over }, target.userId)).catch(ignored);
    } else {
      conversation("conversation/activity", { role: "appMaker", type: types ? "typing:start" : "typing:stop" }, target.userId).catch(ignored);
    }
  }

  // sendText sends what was written, after what was sent before. What could not be sent is back in the
  // text box, before what was written meanwhile.
  async function sendText() {
    const text = input.value, { view, userId } = state, over = chosenChannel(), key = shown;
    if (!text.trim()) return;
    tellTyping(false);
    input.value = "";
    grow();
    const sent = told.then(() => attempt(() => (view === "user" ? play("say", { text, ...over }, userId)
      : conversation("messages", { role: "appMaker", type: "text", text }, userId))));
    told = sent;
    if (await sent) return;
    if (shown !== key) drafts.set(key, text);
    else input.value = [text, input.value].filter(Boolean).join("\n");
    grow();
  }

  async function sendFiles(list) {
    for (const file of list) {
      await attempt(async () => {
        if (file.size > 25 << 20) throw new Error(`${file.name} is larger than 25 MB.`);
        const isPicture = file.type.startsWith("image/");
        const mediaUrl = await dataURL(file);
        if (state.view === "user") {
          await play(isPicture ? "image" : "file", { mediaUrl, ...chosenChannel() });
        } else {
          await sendAttachment(file, isPicture);
        }
        say(`${file.name} sent`);
      });
    }
  }

  // sendAttachment does what a business does: it uploads the file and posts a message with it.
  async function sendAttachment(file, isPicture) {
    const body = new FormData();
    body.append("source", file);
    const answer = await fetch(`/v1.1/apps/${encodeURIComponent(state.appId)}/attachments?access=public`, {
      method: "POST", body, headers: { Authorization: `Bearer ${state.credentials.jwt}` },
    });
    if (!answer.ok) throw new Error(`The upload was answered with ${answer.status}.`);
    const { mediaUrl, mediaType } = await answer.json();
    await conversation("messages", { role: "appMaker", type: isPicture ? "image" : "file", mediaUrl, mediaType, altText: file.name });
  }

  form.addEventListener("submit", (e) => { e.preventDefault(); sendText(); });
  input.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    sendText();
  });
  input.addEventListener("input", () => { grow(); tellTyping(input.value !== ""); });
  input.addEventListener("paste", (e) => {
    if (!e.clipboardData.files.length) return;
    e.preventDefault();
    sendFiles(e.clipboardData.files);
  });
  files.addEventListener("change", async () => { await sendFiles(files.files); files.value = ""; });

  function drawMore() {
    const file = { icon: "picture", text: "Picture or file…", run: () => files.click() };
    fill(more, state.view === "user"
      ? menu("Send something else", icon("add"), [file, { icon: "pin", text: "Location…", run: askLocation }], { "data-side": "up" })
      : menu("Send something else", icon("add"), [file, ...Object.entries(samples).map(([name, sample]) => ({
        icon: sample.icon, text: name, run: () => attempt(() => conversation("messages", { role: "appMaker", ...sample.message })),
      }))], { "data-side": "up" }));
  }

  function drawChannels(user) {
    const types = currentApp()?.channelTypes ?? [];
    const own = user.channels.map((c) => c.type);
    const before = channel.value;
    fill(channel, user.channels.length ? null : h("option", { value: "" }, "No channel"),
      [...new Set([...own, ...types])].map((t) => h("option", { value: t }, own.includes(t) ? channelName(t) : `${channelName(t)} (new)`)));
    const primary = user.channels.find((c) => c.primary)?.type ?? "";
    channel.value = shown.startsWith(`${user.id} `) && before && [...channel.options].some((o) => o.value === before) ? before : primary;
  }

  let version = "";
  return {
    element: form,
    sendFiles,
    draw() {
      const user = currentUser();
      if (!user) return;
      const key = `${user.id} ${state.view}`;
      const next = JSON.stringify([key, user.displayName, user.channels.map((c) => [c.type, c.primary]), currentApp()?.channelTypes]);
      if (next === version) return;
      version = next;
      drawChannels(user);
      if (key === shown) return;
      drafts.set(shown, input.value);
      input.value = drafts.get(key) ?? "";
      shown = key;
      const name = state.view === "user" ? user.displayName : "the business";
      set(input, { placeholder: `Write as ${name}` });
      channel.hidden = state.view !== "user";
      drawMore();
      grow();
    },
  };
}
