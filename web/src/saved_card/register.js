(() => {
  "use strict";
  const button = document.querySelector("#register");
  if (!button) return;
  const state = document.querySelector("main").dataset;
  const label = button.textContent;
  const notice = document.querySelector("#notice");
  const SCRIPT_PATIENCE_MS = 20000;

  const show = (busy) => {
    button.disabled = busy;
    button.setAttribute("aria-busy", String(busy));
    button.textContent = busy ? state.opening : label;
  };

  const loadScript = () => new Promise((resolve, reject) => {
    if (window.TossPayments) return resolve();
    const script = document.createElement("script");
    const giveUp = () => { script.remove(); reject(new Error()); };
    script.src = state.script;
    script.onload = resolve;
    script.onerror = giveUp;
    setTimeout(giveUp, SCRIPT_PATIENCE_MS);
    document.head.append(script);
  });

  // The whole page goes to the window: no card data is entered in a frame of ours.
  const openWindow = () => window.TossPayments(state.clientKey)
    .payment({ customerKey: state.customer })
    .requestBillingAuth({ method: "CARD", successUrl: state.success, failUrl: state.fail, windowTarget: "self" });

  const refused = (code) => {
    const page = new URL(state.fail);
    page.searchParams.set("code", code);
    return page.href;
  };

  button.addEventListener("click", async () => {
    notice.textContent = "";
    show(true);
    try {
      await loadScript();
      await openWindow();
    } catch (error) {
      // The script refused by a code of its own, and not for want of a connection.
      if (typeof error.code === "string") return location.assign(refused(error.code));
      notice.textContent = state.trouble;
      show(false);
    }
  });

  // Back from the window by the browser's own button: the page may be a remembered one.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
