// What one tab tells the others of this browser.

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("websearch-agent") : null;

/** Tell the other tabs; this one does not hear it. */
export function postToTabs(message) {
  channel?.postMessage(message);
}

export function onTabMessage(handler) {
  channel?.addEventListener("message", (event) => handler(event.data));
}
