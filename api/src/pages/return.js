(() => {
  "use strict";
  const main = document.querySelector("main");
  const sections = [...document.querySelectorAll("[data-for]")];
  const reason = document.querySelector("#reason");
  const next = document.querySelector("#next");
  const again = document.querySelector("#again");
  const comeBack = document.querySelector("#come-back");
  const query = new URLSearchParams(location.search);
  const claim = {
    payment_key: query.get("paymentKey"),
    order_id: query.get("orderId"),
    amount: query.get("amount"),
  };
  const paid = ["SUCCESS", "PARTIALLY_REFUNDED", "REFUNDED", "WAITING_FOR_DEPOSIT"];
  const unpaid = ["FAILED", "EXPIRED", "CANCELED"];
  const MAX_TRIES = 150;
  const PAUSE_S = 2;
  const LONGEST_PAUSE_S = 10;
  const REDIRECT_AFTER_MS = 4000;
  const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

  const failures = [...document.querySelectorAll("[data-failure]")];
  const inKorea = (time) => new Date(time).toLocaleString(document.documentElement.lang, {
    dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Seoul",
  });
  const inOurWords = (code) => failures.find((failure) => failure.dataset.failure === code)?.textContent;

  // What is shown may be about this claim; where the buyer goes on to is always about the checkout.
  const show = (status, why, standing = status, section = status) => {
    if (status === "WAITING_FOR_DEPOSIT") {
      // The page of the checkout has the account, and watches for the deposit.
      location.replace(again.href);
      return;
    }
    const shown = sections.some((section) => section.dataset.for === section) ? section : "REFUSED";
    for (const each of sections) each.hidden = each.dataset.for !== shown;
    reason.textContent = why || "";
    main.dataset.status = status;
    if (shown === "CONFIRMING" || shown === "UNKNOWN") return;
    if (shown === "RETRY") {
      again.hidden = false;
      return;
    }
    const address = paid.includes(standing) ? main.dataset.success : unpaid.includes(standing) && main.dataset.fail;
    if (!address) {
      again.hidden = paid.includes(shown);
      return;
    }
    next.href = address;
    next.hidden = false;
    setTimeout(() => location.assign(address), REDIRECT_AFTER_MS);
  };

  // Sending the same claim again is safe, so asking for the outcome is confirming once more.
  const ask = async () => {
    const answer = await fetch(main.dataset.confirm, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(claim),
    });
    const body = await answer.json();
    if (answer.status === 200) return () => show(body.status);
    if (answer.status === 202 || answer.status === 429 || answer.status >= 500) {
      return Math.min(Number(answer.headers.get("retry-after")) || PAUSE_S, LONGEST_PAUSE_S);
    }
    if (answer.status === 402) {
      return () => {
        show("FAILED", body.psp_message || inOurWords(body.failure_code), "FAILED", body.retryable ? "RETRY" : "FAILED");
        if (body.retry_at) comeBack.textContent = main.dataset.comeBack.replace("{time}", inKorea(body.retry_at));
      };
    }
    return () => show(String(body.code).toUpperCase(), "", body.checkout_status);
  };

  const confirm = async () => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const result = await ask().catch(() => PAUSE_S);
      if (typeof result === "function") return result();
      await pause(result);
    }
    show("UNKNOWN");
  };

  if (claim.payment_key && claim.order_id && claim.amount) confirm();
  else if (main.dataset.status === "CONFIRMING") location.replace(again.href);
  else show(main.dataset.status);
})();
