// Opens the dialog that shares a conversation.

/** What is in it is loaded when it is first wanted: most conversations are never shared. */
export async function openShareDialog(conversationId) {
  const { ShareDialog } = await import("./share_view.js");
  await new ShareDialog(conversationId).open();
}
