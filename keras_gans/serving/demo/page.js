// Names for what Gradio leaves without one for those who hear the page.
() => {
  const name = () => {
    for (const set of document.querySelectorAll("fieldset:not([aria-label])")) {
      const title = set.querySelector("[data-testid=block-info]");
      if (title) set.setAttribute("aria-label", title.textContent.trim());
    }
    for (const block of document.querySelectorAll(".picture.takes")) {
      const title = block.querySelector("[data-testid=block-label]");
      for (const button of block.querySelectorAll("button:not([data-named])")) {
        const own = button.getAttribute("aria-label");
        if (!title || !own) continue;
        button.dataset.named = "yes";
        button.setAttribute("aria-label", `${title.textContent.trim()}: ${own}`);
      }
    }
  };
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
  name();
}
