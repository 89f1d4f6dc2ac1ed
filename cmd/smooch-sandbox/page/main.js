// The start of the page.

import { addView, drawNow, follow } from "./store.js";
import { drawActivity, startActivity } from "./activity.js";
import { drawChat, startChat } from "./chat.js";
import { drawPeople, startPeople } from "./people.js";
import { drawTop, startTop } from "./top.js";
import { startTabs } from "./tabs.js";

const part = (id) => document.getElementById(id);

startTop(part("controls"));
startPeople(part("people"));
startChat(part("chat"));
startActivity(part("activity"));
startTabs(part("tabs"));
for (const draw of [drawTop, drawPeople, drawChat, drawActivity]) addView(draw);
drawNow();
follow();
