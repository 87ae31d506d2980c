// Tells at the top of the page how far the model is, until it is ready.

import { buildModelStatus } from "./activity.js";
import { readHealth } from "./api.js";
import { element } from "./dom.js";
import { translate } from "./i18n.js";

const POLL_INTERVAL_MS = 2000;

let waiting = null;

/** Ask for the server's health until the model is ready or has failed. Safe to call again. */
export async function watchModel(banner) {
  clearTimeout(waiting);
  let health;
  try {
    health = await readHealth();
  } catch {
    // The server is away: asking will say so. Looking again brings the banner back.
    waiting = setTimeout(() => watchModel(banner), POLL_INTERVAL_MS * 3);
    return;
  }
  showHealth(banner, health);
  if (health.status !== "preparing") return;
  clearTimeout(waiting);
  waiting = setTimeout(() => watchModel(banner), POLL_INTERVAL_MS);
}

function showHealth(banner, { status, model }) {
  banner.hidden = status === "ok";
  banner.classList.toggle("is-failed", status === "failed");
  if (status === "preparing") banner.replaceChildren(buildModelStatus(model));
  if (status === "failed") {
    banner.replaceChildren(
      element("strong", { text: translate("modelFailed") }),
      element("span", { text: model.detail }),
      element("span", { text: translate("modelRetry") }),
    );
  }
}
