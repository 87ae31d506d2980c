// The list of conversations, and the question before one is deleted.

import { deleteConversation, listConversations } from "./api.js";
import { element, icon } from "./dom.js";
import { translate } from "./i18n.js";

const TRASH = "M5 7h14M10 11v6M14 11v6M7 7l1 12h8l1-12M9 7V4h6v3";

export class ConversationList {
  /** `onOpen(id)` when one is chosen, `onDeleted(id)` when one is gone. */
  constructor({ onOpen, onDeleted }) {
    this.onOpen = onOpen;
    this.onDeleted = onDeleted;
    this.list = document.getElementById("conversations");
    this.note = document.getElementById("conversations-note");
    this.dialog = document.getElementById("delete-dialog");
    this.currentId = null;
  }

  async refresh() {
    try {
      const summaries = await listConversations();
      this.list.replaceChildren(...summaries.map((summary) => this.buildItem(summary)));
      this.showNote(summaries.length ? "" : translate("noConversations"));
      this.markCurrent(this.currentId);
    } catch {
      this.showNote(translate("conversationsFailed"));
    }
  }

  showNote(words) {
    this.note.textContent = words;
    this.note.hidden = !words;
  }

  markCurrent(id) {
    this.currentId = id;
    for (const link of this.list.querySelectorAll("a")) {
      if (link.dataset.id === id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  buildItem({ id, title }) {
    const words = title || translate("untitled");
    const path = `/c/${encodeURIComponent(id)}`;
    const link = element("a", { href: path, text: words, "data-id": id, dir: "auto" });
    link.addEventListener("click", (event) => {
      // A new tab or window stays the browser's business.
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.onOpen(id);
    });
    const label = translate("deleteNamed", { title: words });
    const remove = element("button", { type: "button", class: "icon-button", "aria-label": label });
    remove.append(icon(TRASH));
    remove.addEventListener("click", () => this.confirmDeletion(id, words));
    return element("li", {}, link, remove);
  }

  confirmDeletion(id, title) {
    document.getElementById("delete-name").textContent = title;
    this.dialog.returnValue = "cancel";
    this.dialog.onclose = () => {
      if (this.dialog.returnValue === "delete") this.remove(id);
    };
    this.dialog.showModal();
  }

  async remove(id) {
    try {
      await deleteConversation(id);
      this.onDeleted(id);
    } catch (error) {
      if (error.code !== "conversation_not_found") {
        this.showNote(translate("deleteFailed"));
        return;
      }
    }
    await this.refresh();
  }
}
