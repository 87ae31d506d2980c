// The list of conversations: grouped by day, searched, renamed, deleted and brought back.

import {
  deleteConversation,
  describeError,
  findConversations,
  renameConversation,
  restoreConversation,
} from "./conversations_api.js";
import { ConversationItem } from "./conversation_item.js";
import { periodOf } from "./dates.js";
import { element } from "./dom.js";
import { translate } from "./i18n.js";
import { SidebarDrawer } from "./sidebar_drawer.js";
import { onTabMessage, postToTabs } from "./tabs.js";
import { showToast } from "./toast.js";

const FIRST_COUNT = 100;
const MOST = 1000; // more the server does not list
const SEARCH_PAUSE_MS = 200;

export class Sidebar {
  /**
   * `onOpen(id)` when one is chosen, or came back while it was shown; `onRemoved(id)` when one is
   * gone; `onRenamed(id, title)`. Changes made in other tabs are told too.
   */
  constructor({ onOpen, onRemoved, onRenamed }) {
    this.onOpen = onOpen;
    this.onRemoved = onRemoved;
    this.onRenamed = onRenamed;
    this.list = document.getElementById("conversations");
    this.note = document.getElementById("conversations-note");
    this.searchBox = document.getElementById("conversation-search");
    this.drawer = new SidebarDrawer();
    this.items = new Map(); // ConversationItem of each id
    this.menu = null; // the module of the items' menu
    this.currentId = null;
    this.limit = FIRST_COUNT;
    this.shown = ""; // what the list shows, to leave it alone when it is the same
    this.asked = 0; // how often the list was asked for: a late reply must not replace a newer one
    this.connect();
  }

  open() {
    this.drawer.open();
  }

  close() {
    this.drawer.close();
  }

  connect() {
    this.searchBox.addEventListener("input", () => this.searchSoon());
    this.searchBox.addEventListener("keydown", (event) => this.handleSearchKey(event));
    this.list.addEventListener("keydown", (event) => this.moveByArrow(event));
    onTabMessage((message) => this.hearTab(message));
  }

  hearTab({ kind, removed, removedAll, renamed, title }) {
    if (kind !== "conversations_changed") return;
    this.refresh();
    const isGone = removedAll || removed === this.currentId;
    if (this.currentId && isGone) this.onRemoved(this.currentId);
    if (renamed) this.onRenamed(renamed, title);
  }

  // ---- the list -------------------------------------------------------------------------------

  async refresh() {
    const number = ++this.asked;
    const search = this.searchBox.value.trim();
    try {
      const found = await findConversations({ search, limit: this.limit });
      if (number === this.asked) this.show(found, search);
    } catch {
      if (number === this.asked) this.showNote(translate("conversationsFailed"));
    }
  }

  show(summaries, search) {
    // Somebody is typing a name into the list: it is shown anew when that is done.
    if ([...this.items.values()].some((item) => item.isRenaming)) return;
    const now = new Date();
    const lines = summaries.map(({ id, title, updated_at: time }) => [id, title, periodOf(time, now)]);
    const shown = JSON.stringify([this.limit, lines]);
    if (shown !== this.shown) this.build(lines);
    this.shown = shown;
    this.showNote(this.noteFor(lines.length, search));
  }

  build(lines) {
    this.menu?.closeMenu();
    const hadFocus = this.list.contains(document.activeElement) ? document.activeElement : null;
    const { scrollTop } = this.list;
    this.items = new Map(lines.map(([id, title]) => [id, this.itemOf(id, title)]));
    this.list.replaceChildren(...this.buildPeriods(lines), ...this.buildMore(lines.length));
    // What is taken out for a moment loses both.
    this.list.scrollTop = scrollTop;
    if (hadFocus?.isConnected) hadFocus.focus({ preventScroll: true });
    this.markCurrent(this.currentId);
  }

  itemOf(id, title) {
    const item = this.items.get(id) ?? this.buildItem(id);
    item.showTitle(title);
    return item;
  }

  buildItem(id) {
    return new ConversationItem(id, {
      onOpen: this.onOpen,
      onMenu: (item) => this.openItemMenu(item),
      onRename: (item, title) => this.rename(item, title),
      onDelete: (item) => this.remove(item),
    });
  }

  buildPeriods(lines) {
    const lists = new Map();
    for (const [id, , period] of lines) {
      if (!lists.has(period)) lists.set(period, element("ul", { "aria-label": period }));
      lists.get(period).append(this.items.get(id).root);
    }
    return [...lists].map(([period, list]) =>
      element("section", { class: "period" }, element("h2", { class: "sidebar-title", text: period }), list),
    );
  }

  buildMore(count) {
    if (count < this.limit || this.limit >= MOST) return [];
    const showMore = () => {
      this.limit = MOST;
      const last = [...this.items.values()].at(-1);
      this.refresh().then(() => this.neighbourOf(last, 1)?.link.focus());
    };
    return [
      element("button", {
        type: "button",
        class: "older-button",
        text: translate("showOlder"),
        onclick: showMore,
      }),
    ];
  }

  noteFor(count, search) {
    if (count >= MOST) return translate("onlyNewest", { count: count.toLocaleString() });
    if (count) return "";
    return translate(search ? "nothingFound" : "noConversations");
  }

  showNote(words) {
    this.note.textContent = words;
  }

  markCurrent(id) {
    this.items.get(this.currentId)?.markCurrent(false);
    this.currentId = id;
    this.items.get(id)?.markCurrent(true);
  }

  // ---- search, keys ---------------------------------------------------------------------------

  searchSoon() {
    clearTimeout(this.searchTimer);
    this.searchTimer = setTimeout(() => this.refresh(), SEARCH_PAUSE_MS);
  }

  handleSearchKey(event) {
    if (event.isComposing) return;
    if (event.key === "Escape" && this.searchBox.value) {
      event.preventDefault();
      event.stopPropagation();
      this.searchBox.value = "";
      this.refresh();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.items.values().next().value?.link.focus();
    }
  }

  moveByArrow(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const item = this.items.get(event.target.dataset?.id);
    if (!step || !item) return;
    event.preventDefault();
    (this.neighbourOf(item, step)?.link ?? (step < 0 ? this.searchBox : item.link)).focus();
  }

  neighbourOf(item, step) {
    const items = [...this.items.values()];
    return items[items.indexOf(item) + step];
  }

  /** Its module is loaded when the first menu is wanted: by keyboard all goes without. */
  async openItemMenu(item) {
    this.menu ??= await import("./menu.js");
    this.menu.openMenu(item.menuButton, [
      { words: translate("rename"), onChoose: () => item.startRenaming() },
      { words: translate("deleteConversation"), onChoose: () => this.remove(item), isDangerous: true },
    ]);
  }

  // ---- changes --------------------------------------------------------------------------------

  async rename(item, title) {
    const before = item.title;
    this.shown = "";
    item.showTitle(title);
    try {
      const summary = await renameConversation(item.id, title);
      item.showTitle(summary.title);
      this.onRenamed(item.id, summary.title);
      postToTabs({ kind: "conversations_changed", renamed: item.id, title: summary.title });
    } catch (error) {
      item.showTitle(before);
      showToast(translate("renameFailed", { reason: describeError(error) }));
    }
    await this.refresh();
  }

  /** At once, and without a question: for an hour it can be undone. */
  async remove(item) {
    const { id } = item;
    try {
      await deleteConversation(id);
    } catch (error) {
      if (error.code !== "conversation_not_found") {
        showToast(translate("deleteFailed", { reason: describeError(error) }));
        return;
      }
    }
    const wasCurrent = id === this.currentId;
    this.takeOut(item);
    postToTabs({ kind: "conversations_changed", removed: id });
    if (wasCurrent) this.onRemoved(id);
    showToast(translate("conversationDeleted"), {
      action: translate("undo"),
      onAction: () => this.restore(id, wasCurrent),
    });
    await this.refresh();
  }

  /** The focus goes on to the next conversation, else to the one before, else to the search box. */
  takeOut(item) {
    const next = this.neighbourOf(item, 1) ?? this.neighbourOf(item, -1);
    const hadFocus = item.root.contains(document.activeElement);
    this.shown = "";
    this.items.delete(item.id);
    item.root.remove();
    if (hadFocus) (next?.link ?? this.searchBox).focus();
  }

  async restore(id, wasCurrent) {
    try {
      await restoreConversation(id);
    } catch (error) {
      showToast(translate("restoreFailed", { reason: describeError(error) }));
      return;
    }
    postToTabs({ kind: "conversations_changed" });
    await this.refresh();
    if (wasCurrent) this.onOpen(id);
    else this.items.get(id)?.link.focus();
  }
}
