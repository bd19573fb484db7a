(() => {
  "use strict";
  const pay = document.querySelector("#pay");
  if (!pay) return;
  const state = document.querySelector("main").dataset;
  const label = pay.textContent;
  const notice = document.querySelector("#notice");
  const countdown = document.querySelector("#countdown");
  const ends = performance.now() + Number(state.leftMs);
  const SCRIPT_PATIENCE_MS = 20000;
  const LAST_MINUTE_S = 60;
  const two = (number) => String(number).padStart(2, "0");
  let busy = false;
  let over = false;

  const show = () => {
    pay.disabled = busy || over;
    pay.setAttribute("aria-busy", String(busy));
    pay.textContent = busy ? state.opening : label;
  };

  const tick = () => {
    const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
    const hours = Math.floor(left / 3600);
    const clock = `${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    countdown.textContent = hours > 0 ? `${hours}:${clock}` : clock;
    // A listener is told once, not every second.
    if (left === LAST_MINUTE_S) notice.textContent = state.lastMinute;
    if (left > 0) return;
    clearInterval(timer);
    over = true;
    notice.textContent = state.timeOver;
    show();
    watch.always();
  };
  const timer = setInterval(tick, 1000);
  tick();

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

  // Without a choice the page has a hidden field, of the one method.
  const method = () => document.querySelector("input[name=method]:checked, input[type=hidden][name=method]").value;

  // What the methods that are paid like cash are asked for.
  const likeCash = () => ({
    cashReceipt: state.cashReceipt === undefined ? undefined : { type: state.cashReceipt },
    useEscrow: state.escrow === undefined ? undefined : true,
    escrowProducts: state.escrow === undefined ? undefined : JSON.parse(state.escrow),
  });

  const openWindow = () => window.TossPayments(state.clientKey)
    .payment({ customerKey: window.TossPayments.ANONYMOUS })
    .requestPayment({
      method: method(),
      amount: { currency: state.currency, value: Number(state.amount) },
      orderId: state.order,
      orderName: state.orderName,
      taxFreeAmount: state.taxFree === undefined ? undefined : Number(state.taxFree),
      customerEmail: state.email,
      customerMobilePhone: state.phone,
      successUrl: state.success,
      failUrl: state.fail,
      // The window of foreign easy pays opens the one that is named. Source: Toss Payments, guide to foreign easy pays.
      foreignEasyPay: method() === "FOREIGN_EASY_PAY" ? { provider: "PAYPAL", country: "KR" } : undefined,
      virtualAccount: method() === "VIRTUAL_ACCOUNT" ? likeCash() : undefined,
      transfer: method() === "TRANSFER" ? likeCash() : undefined,
      // The whole page goes to the payment window: no card data is entered in a frame of ours.
      windowTarget: "self",
    });

  // The page of a window that closed without a payment says why, and leads back to the choice of methods.
  const refused = (code) => {
    const page = new URL(state.fail);
    page.searchParams.set("code", code);
    return page.href;
  };

  pay.addEventListener("click", async () => {
    if (busy || over) return;
    busy = true;
    notice.textContent = "";
    show();
    try {
      // Another tab may have paid meanwhile.
      if (await watch.hasMovedOn()) return location.reload();
      await loadScript();
      await openWindow();
    } catch (error) {
      // The script refused by a code of its own, and not for want of a connection.
      if (typeof error.code === "string") return location.assign(refused(error.code));
      notice.textContent = state.trouble;
      busy = false;
      show();
    }
  });

  // Back from the payment window by the browser's own button: the page may be a remembered one.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
