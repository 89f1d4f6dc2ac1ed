// What the page knows, kept up to date by the feed. Views draw it again in the next frame after it
// has changed, so that a thousand events a second cost no more than one.

import { appPath, control, setToken, userPath } from "./api.js";

// How much is kept in the page; the sandbox keeps more.
const maxUsers = 500, maxMessages = 300, maxOlderMessages = 1000, maxLog = 500;

export const state = {
  live: false, // the feed is connected
  loaded: false,
  credentials: null,
  clock: null, // { now: Date, advanced, at: when it was told, by performance.now() }
  apps: [],
  appId: null,
  users: [], // of the app
  moreUsers: false,
  userId: null,
  messages: [], // of the user, oldest first
  older: false, // there are older ones than those
  keep: maxMessages,
  typing: { appUser: 0, appMaker: 0 }, // until when who is shown as typing, by performance.now()
  calls: [],
  deliveries: [], // the oldest first, as the calls
  faults: [],
  view: "user", // whose side of the conversation is shown; or "business"
  filter: "all", // of what happens
  onlyUser: false,
  opened: null, // { kind: "call" or "delivery", id, detail }
};

const views = new Set();
let frame = 0, timer = 0;

// addView has draw called after each change, until the function that it returns is called.
export function addView(draw) {
  views.add(draw);
  return () => views.delete(draw);
}

// changed has everything drawn again in the next frame, or soon if the page is hidden and gets none.
export function changed() {
  if (timer) return;
  frame = requestAnimationFrame(drawNow);
  timer = setTimeout(drawNow, 100);
}

// drawNow draws at once, after what a person does: the next click finds the page as it is then.
export function drawNow() {
  cancelAnimationFrame(frame);
  clearTimeout(timer);
  timer = 0;
  for (const view of views) view();
}

export const currentApp = () => state.apps.find((a) => a.id === state.appId);
export const currentUser = () => state.users.find((u) => u.id === state.userId);

// now is the sandbox's time.
export const now = () => (state.clock
  ? new Date(state.clock.now.getTime() + performance.now() - state.clock.at) : new Date());

// put adds an item to a list, or takes the place of the one with the same id.
function put(list, item, id = "id") {
  const at = list.findLastIndex((other) => other[id] === item[id]);
  if (at >= 0) list[at] = item;
  else list.push(item);
}

// putLog keeps a log in the order of its ids, and its newest entries.
function putLog(list, item) {
  put(list, item);
  for (let i = list.length - 1; i > 0 && list[i - 1].id > list[i].id; i--) {
    [list[i - 1], list[i]] = [list[i], list[i - 1]];
  }
  if (list.length > maxLog) list.splice(0, list.length - maxLog);
}

function remove(list, id, member = "id") {
  const at = list.findIndex((other) => other[member] === id);
  if (at >= 0) list.splice(at, 1);
}

const lastHeard = (user) => user.lastMessage?.received ?? 0;

function sortUsers() {
  state.users.sort((a, b) => lastHeard(b) - lastHeard(a));
  if (state.users.length > maxUsers) {
    const kept = state.users.slice(0, maxUsers);
    const chosen = currentUser();
    if (chosen && !kept.includes(chosen)) kept.push(chosen);
    state.users = kept;
    state.moreUsers = true;
  }
}

function noteUser(user) {
  put(state.users, user);
  sortUsers();
}

// noteTyping shows a role as typing for as long as the sandbox says so of one who does not stop.
function noteTyping(role, types) {
  const shows = 10000;
  state.typing[role] = types ? performance.now() + shows : 0;
  if (types) setTimeout(changed, shows + 50);
}

const isOpen = (e) => e.appId === state.appId && e.userId === state.userId;

// What each event of the feed does.
const handlers = {
  "app": ({ app }) => put(state.apps, app),
  "app-deleted": ({ appId }) => {
    remove(state.apps, appId);
    if (appId === state.appId) selectApp(state.apps[0]?.id).catch(lost);
  },
  "user": ({ user }) => {
    if (user.appId !== state.appId) return;
    noteUser(user);
    if (!state.userId) selectUser(user.id).catch(lost); // the first one who comes is shown
  },
  "user-deleted": ({ appId, userId }) => {
    if (appId !== state.appId) return;
    remove(state.users, userId);
    if (userId === state.userId) selectUser(state.users[0]?.id).catch(lost);
  },
  "message": (e) => {
    if (!isOpen(e)) return;
    const last = state.messages.at(-1);
    const known = state.messages.some((m) => m._id === e.message._id);
    // A change of one that is too old to be shown is not shown.
    if (!known && last && e.message.received < state.messages[0].received && state.older) return;
    put(state.messages, e.message, "_id");
    if (last && e.message.received < last.received) state.messages.sort((a, b) => a.received - b.received); // after a merge
    if (!known) noteTyping(e.message.role === "appUser" ? "appUser" : "appMaker", false);
    if (state.messages.length > state.keep) {
      state.messages.splice(0, state.messages.length - state.keep);
      state.older = true;
    }
  },
  "message-deleted": (e) => { if (isOpen(e)) remove(state.messages, e.messageId, "_id"); },
  "messages-deleted": (e) => { if (isOpen(e)) { state.messages = []; state.older = false; } },
  "activity": ({ activity }) => {
    if (isOpen(activity) && activity.type.startsWith("typing")) {
      noteTyping(activity.role, activity.type === "typing:start");
    }
  },
  "call": ({ call }) => putLog(state.calls, call),
  "delivery": ({ delivery }) => {
    putLog(state.deliveries, delivery);
    if (state.opened?.kind === "delivery" && state.opened.id === delivery.id) open("delivery", delivery.id);
  },
  "fault": ({ fault }) => {
    put(state.faults, fault);
    if (fault.left === 0) remove(state.faults, fault.id);
  },
  "fault-lifted": ({ faultId }) => remove(state.faults, faultId),
  "clock": ({ clock }) => noteClock(clock),
  "reset": () => load().catch(lost),
};

function noteClock(clock) {
  state.clock = { now: new Date(clock.now), advanced: clock.advanced, at: performance.now() };
}

// While something is read whole, events wait: what was read may lack them.
let reading = 0, waiting = [];

async function read(action) {
  reading++;
  try {
    return await action();
  } finally {
    if (--reading === 0) {
      const events = waiting;
      waiting = [];
      for (const [name, data] of events) handlers[name](data);
    }
    changed();
  }
}

// load reads everything.
export function load() {
  return read(async () => {
    const [credentials, { apps }, { calls }, { deliveries }, { faults }, { clock }] = await Promise.all([
      control("GET", "credentials"), control("GET", "apps"),
      control("GET", `calls?brief=true&limit=${maxLog}`), control("GET", `deliveries?brief=true&limit=${maxLog}`),
      control("GET", "faults"), control("GET", "clock"),
    ]);
    Object.assign(state, { credentials, apps, calls, deliveries, faults, loaded: true });
    setToken(credentials.jwt);
    noteClock(clock);
    if (state.opened && !logOf(state.opened.kind).some((entry) => entry.id === state.opened.id)) state.opened = null;
    const [appId, userId] = fromAddress();
    await loadApp(apps.some((a) => a.id === appId) ? appId : credentials.appId, userId);
  });
}

// shownURL returns where the page loads a file from. Those of the sandbox come through its controls:
// that is no call of the bot, and needs no media token for private ones.
export function shownURL(url) {
  const { origin, pathname, href } = new URL(url, location.href);
  const own = [location.origin, new URL(state.credentials.baseURL).origin].includes(origin);
  return own && pathname.startsWith("/media/") ? `/_sandbox${pathname}` : href;
}

const logOf = (kind) => (kind === "call" ? state.calls : state.deliveries);

async function loadApp(appId, userId) {
  if (!state.apps.some((a) => a.id === appId)) appId = state.apps[0]?.id ?? null;
  state.appId = appId;
  state.users = [];
  if (appId) {
    const { users, hasMore } = await control("GET", `${appPath(appId)}/users?limit=100`);
    if (state.appId !== appId) return;
    state.users = users;
    state.moreUsers = hasMore;
    sortUsers();
  }
  await loadUser(userId ?? state.users[0]?.id);
}

async function loadUser(userId) {
  state.userId = userId ?? null;
  state.messages = [];
  state.older = false;
  state.keep = maxMessages;
  state.typing = { appUser: 0, appMaker: 0 };
  toAddress();
  if (!userId) return;
  try {
    const { user, messages, hasMore } = await control("GET", `${userPath(state.appId, userId)}/conversation?limit=100`);
    if (state.userId !== userId) return;
    state.userId = user.id;
    state.messages = messages;
    state.older = hasMore;
    noteTyping("appUser", user.conversation?.appUserTyping);
    noteTyping("appMaker", user.conversation?.appMakerTyping);
    noteUser(user);
  } catch (error) {
    if (error.status !== 404) throw error;
    if (state.userId === userId && userId !== state.users[0]?.id) await loadUser(state.users[0]?.id);
  }
}

export const selectApp = (appId) => read(() => loadApp(appId));
export const selectUser = (userId) => read(() => loadUser(userId));

export function loadOlder() {
  const { userId } = state;
  return read(async () => {
    const before = state.messages[0]?._id;
    const { messages, hasMore } = await control("GET",
      `${userPath(state.appId, userId)}/conversation?limit=100&before=${encodeURIComponent(before)}`);
    if (state.userId !== userId) return;
    state.messages = [...messages, ...state.messages].slice(-maxOlderMessages);
    state.keep = Math.min(state.messages.length + maxMessages, maxOlderMessages);
    state.older = hasMore && state.messages.length < maxOlderMessages;
  });
}

export function loadMoreUsers() {
  const { appId } = state;
  return read(async () => {
    const { users, hasMore } = await control("GET", `${appPath(appId)}/users?limit=100&offset=${state.users.length}`);
    if (state.appId !== appId) return;
    for (const user of users) put(state.users, user);
    state.moreUsers = hasMore && users.length > 0;
    sortUsers();
  });
}

// open shows a call or a delivery with all that is known of it.
export async function open(kind, id) {
  if (state.opened?.kind !== kind || state.opened.id !== id) state.opened = { kind, id, detail: null, error: null };
  const opened = state.opened;
  drawNow();
  try {
    opened.detail = (await control("GET", `${kind === "call" ? "calls" : "deliveries"}/${id}`))[kind];
  } catch (error) {
    opened.error = error.message;
  }
  changed();
}

export function close() {
  state.opened = null;
  drawNow();
}

// The address says what is selected, so that a reload and a bookmark show it again.
function fromAddress() {
  const [, appId, userId] = location.hash.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return "";
    }
  });
  return [appId, userId || undefined];
}

function toAddress() {
  const part = [state.appId, state.userId].filter(Boolean).map(encodeURIComponent).join("/");
  history.replaceState(null, "", `#/${part}`);
}

let source = null;

// follow keeps the feed connected, and reads everything each time that it is.
export function follow() {
  source = new EventSource("/_sandbox/events");
  source.addEventListener("error", lost);
  source.addEventListener("hello", () => load().then(() => {
    state.live = true;
    changed();
  }, lost));
  for (const name of Object.keys(handlers)) {
    source.addEventListener(name, (e) => {
      const data = JSON.parse(e.data);
      if (reading > 0) waiting.push([name, data]);
      else handlers[name](data);
      changed();
    });
  }
}

// lost begins anew after what could not be read, and soon, as a sandbox that is started again comes
// back at once.
function lost() {
  if (!source) return;
  source.close();
  source = null;
  state.live = false;
  changed();
  setTimeout(follow, 1000);
}
