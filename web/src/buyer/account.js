(() => {
  "use strict";
  const copy = document.querySelector("#copy");
  if (!copy) return;
  const number = document.querySelector("#account-number");
  const copied = document.querySelector("#copied");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(number.textContent);
      copied.textContent = copied.dataset.done;
    } catch {
      // Where the browser lets nobody at its clipboard, the number is at least selected.
      getSelection().selectAllChildren(number);
      copied.textContent = copied.dataset.selected;
    }
  });
})();
