// Inside of the dialog that makes a link to a conversation, shows it, and takes it back.

import { copyText } from "./clipboard.js";
import { describeError, endShare, loadShare, shareConversation } from "./conversations_api.js";
import { formatTime } from "./dates.js";
import { element } from "./dom.js";
import { translate } from "./i18n.js";

export class ShareDialog {
  constructor(conversationId) {
    this.id = conversationId;
    this.body = element("div");
    // In the dialog: what is outside of it is not told while it is open.
    this.status = element("p", { class: "share-status", role: "status" });
    this.buttons = element("div", { class: "dialog-buttons" });
    this.root = element(
      "dialog",
      { class: "dialog share-dialog", "aria-labelledby": "share-title", "aria-describedby": "share-text" },
      element("h2", { id: "share-title", text: translate("shareTitle") }),
      element("p", { id: "share-text", text: translate("shareText") }),
      this.body,
      this.status,
      this.buttons,
    );
    this.root.addEventListener("close", () => this.root.remove());
  }

  open() {
    document.body.append(this.root);
    this.showButtons();
    this.tell(translate("shareLoading"));
    this.root.showModal();
    return this.work(async () => {
      this.showShare(await loadShare(this.id), "");
      this.focusFirst();
    });
  }

  /** Do something that asks the server; a second click waits for the first. */
  async work(task) {
    if (this.isWorking) return;
    this.isWorking = true;
    try {
      await task();
    } catch (error) {
      this.showProblem(error);
    } finally {
      this.isWorking = false;
    }
  }

  /** Show the link, or the button that makes one; `words` say what was done. */
  showShare(share, words) {
    this.tell(words);
    if (!share) {
      this.body.replaceChildren();
      const create = () => this.change(() => shareConversation(this.id), "linkCreated");
      this.showButtons(this.button("createLink", create, "primary-button"));
    } else {
      this.showLink(share);
      const update = () => this.change(() => shareConversation(this.id), "linkUpdated");
      const revoke = () => this.change(() => endShare(this.id), "linkRevoked");
      this.showButtons(
        this.button("revokeLink", revoke, "plain-button share-revoke"),
        this.button("updateLink", update),
      );
    }
  }

  showLink({ path, created_at: time, turn_count: count }) {
    const link = new URL(path, location.origin).href;
    const box = element("input", {
      type: "text",
      readonly: true,
      dir: "ltr",
      value: link,
      "aria-label": translate("linkLabel"),
    });
    box.addEventListener("focus", () => box.select());
    const copy = this.button("copyShareLink", () => this.copy(box), "primary-button");
    const key = count === 1 ? "linkShowsOne" : "linkShows";
    this.body.replaceChildren(
      element("div", { class: "share-link" }, box, copy),
      element("p", { class: "share-facts", text: translate(key, { time: formatTime(time), count }) }),
    );
  }

  async copy(box) {
    try {
      await copyText(box.value);
      this.tell(translate("shareLinkCopied"));
    } catch {
      box.focus();
      this.tell(translate("shareLinkNotCopied"));
    }
  }

  change(task, key) {
    return this.work(async () => {
      this.showShare((await task()) ?? null, translate(key));
      this.focusFirst();
    });
  }

  /** The button that had the focus is gone. */
  focusFirst() {
    (this.body.querySelector("button") ?? this.buttons.querySelector("button")).focus();
  }

  showProblem(error) {
    if (error.code === "not_allowed") {
      this.body.replaceChildren();
      this.showButtons();
      this.focusFirst();
      this.tell(translate("sharingOff"));
      return;
    }
    this.tell(translate("shareFailed", { reason: describeError(error) }), { isProblem: true });
  }

  tell(words, { isProblem = false } = {}) {
    this.status.classList.toggle("share-problem", isProblem);
    this.status.textContent = words;
  }

  showButtons(...buttons) {
    this.buttons.replaceChildren(...buttons, this.button("close", () => this.root.close()));
  }

  button(key, onclick, style = "plain-button") {
    return element("button", { type: "button", class: style, text: translate(key), onclick });
  }
}
