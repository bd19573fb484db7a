(() => {
  "use strict";
  const main = document.querySelector("main");
  const sections = [...document.querySelectorAll("[data-for]")];
  const failures = [...document.querySelectorAll("[data-failure]")];
  const reason = document.querySelector("#reason");
  const next = document.querySelector("#next");
  const again = document.querySelector("#again");
  const receipt = document.querySelector("#receipt");
  const statement = document.querySelector("#statement");
  const lookAgain = document.querySelector("#look");
  const query = new URLSearchParams(location.search);
  const claim = {
    payment_key: query.get("paymentKey"),
    order_id: query.get("orderId"),
    amount: query.get("amount"),
    token: query.get("token") || undefined,
  };
  const phases = new Map(main.dataset.phases.split(" ").map((pair) => pair.split("=")));
  const isIn = (...names) => (status) => names.includes(phases.get(status));
  const isPaid = isIn("paid", "deposit");
  const isUnpaid = isIn("declined", "closed");
  const isUnderWay = isIn("moving", "held");
  const MAX_TRIES = 80;
  const FIRST_PAUSE_MS = 1000;
  const LONGEST_PAUSE_MS = 10000;
  const REDIRECT_AFTER_MS = 4000;

  const inOurWords = (code) => failures.find((failure) => failure.dataset.failure === code)?.textContent;

  // The page of the checkout shows where it stands, and watches it. The payment key stays behind.
  const goToCheckout = () => location.replace(again.href);

  // The pause ends early when the network is back.
  const pause = (ms) => new Promise((resolve) => {
    setTimeout(resolve, ms);
    window.addEventListener("online", resolve, { once: true });
  });

  const reveal = (name) => {
    for (const section of sections) section.hidden = section.dataset.for !== name;
    const shown = sections.find((section) => !section.hidden);
    document.title = shown.querySelector("h1").textContent;
  };

  // What is said of another payment than the one that the order is paid by, or is being paid by.
  const sectionOf = (code, standing) => {
    if (code !== "NOT_CONFIRMABLE") return "REFUSED";
    if (isPaid(standing)) return "ALREADY_PAID";
    if (isUnderWay(standing)) return "OTHER_WINDOW";
    return isUnpaid(standing) ? standing : "REFUSED";
  };

  // What is shown may be about this claim; where the buyer goes on to is always about the checkout.
  const show = (status, section, standing, why) => {
    reveal(section);
    reason.textContent = why || "";
    main.dataset.status = status;
    const address = isPaid(standing) ? main.dataset.success : isUnpaid(standing) && main.dataset.fail;
    if (!address) {
      again.hidden = isPaid(status);
      return;
    }
    next.href = address;
    next.hidden = false;
    setTimeout(() => location.assign(address), REDIRECT_AFTER_MS);
  };

  const showPaid = (body) => {
    const url = body.psp?.receipt_url;
    if (url && /^https?:/.test(url)) {
      receipt.href = url;
      receipt.hidden = false;
    }
    statement.hidden = false;
    // The address is kept by the browser, and holds the payment key. The token shows the buyer this page again.
    history.replaceState(null, "", location.pathname + (claim.token ? `?token=${encodeURIComponent(claim.token)}` : ""));
    show(body.status, body.status, body.status);
  };

  // Sending the same claim again is safe. Answers what to do, or what to say until it is sent again: nobody said what
  // became of it, or another payment is being confirmed.
  const ask = async () => {
    const answer = await fetch(main.dataset.confirm, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(claim),
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.status === 429 || answer.status >= 500) {
      const section = body.code === "confirmation_under_way" ? "OTHER_WINDOW" : "UNREACHABLE";
      return { section, retryMs: 1000 * Number(answer.headers.get("retry-after")) || 0 };
    }
    return { next: outcome(answer, body) };
  };

  const outcome = (answer, body) => {
    if (answer.status === 202 || body.status === "WAITING_FOR_DEPOSIT" || body.retryable) return goToCheckout;
    if (answer.status === 200) return () => showPaid(body);
    if (answer.status === 402) {
      const ours = inOurWords(body.psp_code || body.failure_code);
      // The PSP speaks Korean.
      reason.lang = ours ? document.documentElement.lang : "ko";
      return () => show("FAILED", "FAILED", "FAILED", ours || body.psp_message);
    }
    const code = String(body.code).toUpperCase();
    return () => show(code, sectionOf(code, body.checkout_status), body.checkout_status);
  };

  const confirm = async () => {
    let wait = FIRST_PAUSE_MS;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const told = await ask().catch(() => ({ section: "UNREACHABLE", retryMs: 0 }));
      if (told.next) return told.next();
      // Nothing is known to have been asked for: not even that the answer takes long may be said.
      if (tries > 0) reveal(told.section);
      await pause(Math.max(wait, Math.min(told.retryMs, LONGEST_PAUSE_MS)));
      wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
    }
    lookAgain.hidden = false;
  };

  lookAgain.addEventListener("click", () => location.reload());
  if (claim.payment_key && claim.order_id && claim.amount) confirm();
  else if (["CONFIRMING", "WAITING_FOR_DEPOSIT"].includes(main.dataset.status)) goToCheckout();
  else show(main.dataset.status, main.dataset.status, main.dataset.status, reason.textContent);
})();
